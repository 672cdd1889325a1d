// Owns child coroutines: they are spawned into it, cancelled by it, and gone before it is.
#pragma once

#include "common/async/async.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>

namespace relay {

// Loop thread only. The owner awaits join() (or stop(), then join()) before it destroys the group; the destructor
// asserts that no child is left.
class task_group {
public:
    explicit task_group(asio::any_io_executor executor);
    ~task_group();
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    // Starts `child`. The first one that ends with an exception other than a cancel stops the rest; join() rethrows it.
    void spawn(task<void> child);

    // Cancels every child (terminal). Children spawned afterwards are cancelled at once.
    void stop();

    // Returns when no child is left; rethrows the first failure. Where the waiting coroutine is cancelled, the children
    // are stopped and still awaited. (A coroutine that was cancelled before cannot start this call, as any co_await
    // throws in it: one that joins on its way out begins with co_await this_coro::throw_if_cancelled(false).)
    task<void> join();

    std::size_t size() const noexcept;
    bool stopping() const noexcept;

private:
    struct state;
    std::shared_ptr<state> state_; // shared with the completion handlers of the children
};

} // namespace relay
