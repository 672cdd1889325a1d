// For commands that are processes of their own: one coroutine, on a loop that lives as long as it.
#pragma once

#include "common/async/async.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>

namespace relay {

// Blocks until `work` is done. Throws what it throws.
template <class T>
T run_alone(task<T> work)
{
    asio::io_context loop(1);
    std::optional<T> done;
    std::exception_ptr failure;
    asio::co_spawn(loop, std::move(work), [&](std::exception_ptr e, T r) {
        failure = e;
        done.emplace(std::move(r));
    });
    loop.run();
    if (failure)
        std::rethrow_exception(failure);
    return *std::move(done);
}

} // namespace relay
