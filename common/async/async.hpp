// Asio shorthands shared by all coroutines of the agent: reporting by value, and a deadline on any wait.
#pragma once

#include "common/error/error.hpp"
#include "common/time/time_source.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>
#include <variant>

namespace relay {

namespace asio = boost::asio;

template <class T>
using task = asio::awaitable<T>;

inline constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

// Runs `op` for at most `limit`; asio::error::timed_out where it took longer. The loser of the race is cancelled and
// awaited before we return, so nothing `op` borrows can dangle. `op` must report failure by value: operator|| waits
// for the first branch that *succeeds*, and a branch that throws never does.
template <class T>
task<result<T>> with_timeout(time_source& time, duration limit, task<result<T>> op)
{
    using namespace asio::experimental::awaitable_operators;
    auto first = co_await (std::move(op) || time.sleep_for(limit));
    if (auto* woke = std::get_if<1>(&first))
        co_return *woke ? *woke
                        : error_code(asio::error::timed_out); // an error here: our caller is being cancelled
    co_return std::get<0>(std::move(first));
}

} // namespace relay
