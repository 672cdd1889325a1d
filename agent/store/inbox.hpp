// The door through which commands enter: what the uplink receives is checked, made durable where it is a write, and
// handed to dispatch in the order received. Answers that need no Exchange (accepted, refusals, repeats) go to the outbox.
#pragma once

#include "agent/store/outbox.hpp"
#include "agent/store/queue_store.hpp"
#include "agent/store/ticket.hpp"
#include "common/async/notifier.hpp"
#include "common/async/task_group.hpp"

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>

namespace spdlog {
class logger;
}

namespace relay::store {

// Loop thread only. Outlives the links: a command offered on a link that is gone is admitted all the same.
class inbox {
public:
    // Parses a command and asks policy: the fault is the answer where it must not run.
    using check = std::function<protocol::checked<protocol::operation>(const protocol::command&)>;

    struct limits {
        int window = 64; // commands without a result, reads and writes together; one beyond it is answered overloaded
    };

    inbox(asio::any_io_executor executor, queue_store& store, outbox& out, time_source& time, check check,
          limits limits, spdlog::logger& log);

    // Takes up the unfinished writes of the store, in the order they were received. Once, before anything is offered.
    task<result<void>> recover();

    // ---- for the uplink ----
    // Takes a command as PROTOCOL.md says ("Commands and results"). Returns at once; admission goes on behind it, in order.
    void offer(protocol::command c);
    void cancel(std::string_view id);
    // After goodbye: whatever is offered from now on is answered overloaded.
    void close();

    // ---- for dispatch ----
    // The next command to carry out; operation_aborted where the waiting coroutine is cancelled.
    task<result<ticket_ptr>> next();
    // The command's result has been given to the outbox: its place in the window is free.
    void release(const ticket_ptr& t);

    // Commands without a result: admitted or being admitted.
    std::size_t open() const noexcept;

    // Ends admissions that are under way and returns when they are gone.
    task<void> stop();

private:
    // Filled in by the implementation.
};

} // namespace relay::store
