// A condition to wait for: set by one coroutine, awaited by others, all on the loop thread.
#pragma once

#include "common/async/async.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace relay {

// notify() wakes every waiter once; it is not remembered, so look at the condition before each wait:
//   while (queue.empty()) if (const auto ec = co_await filled.wait()) co_return ec;
class notifier {
public:
    explicit notifier(const asio::any_io_executor& executor)
        : timer_(executor, asio::steady_timer::time_point::max())
    {
    }

    void notify() { timer_.cancel(); }

    // Success when notified; operation_aborted where the waiting coroutine is cancelled. Never throws for a cancel.
    task<error_code> wait();

private:
    asio::steady_timer timer_;
};

} // namespace relay
