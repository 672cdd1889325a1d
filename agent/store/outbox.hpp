// The door through which everything leaves: results and events are durable before they are sent, and sent in order of
// seq until the cloud has acknowledged them. Reads and short answers pass in memory while the link is up.
#pragma once

#include "agent/store/queue_store.hpp"
#include "common/async/notifier.hpp"

#include <deque>
#include <string>

namespace spdlog {
class logger;
}

namespace relay::store {

// Loop thread only.
class outbox {
public:
    outbox(asio::any_io_executor executor, queue_store& store, time_source& time, spdlog::logger& log);

    // ---- for the uplink ----
    // A session begins. `acked`: welcome's ack. Stored messages above it are sent (again), in order.
    void link_up(sequence acked, std::size_t max_message_bytes);
    // The session is over: short answers not yet taken are dropped, reads not yet taken are stored.
    task<void> link_down();
    // The next frame to send: short answers and reads first, then stored messages by seq. Waits; operation_aborted
    // where the waiting coroutine is cancelled, a store error where reading failed (try again later).
    // A body over max_message_bytes becomes result_too_large, a stored read past its expiry deadline_exceeded.
    task<result<std::string>> next();
    // True where next() would have to wait: everything that is ready has been taken.
    bool idle() const noexcept;
    void acknowledge(sequence seq);
    // Waits while too many short answers lie here because the cloud sends faster than it reads.
    task<error_code> room();

    // ---- for the inbox and dispatch ----
    // A frame that is worth nothing after this session (accepted, problem, a refusal, a repeated result).
    void reply(std::string frame);
    // The result of an accepted write. Returns when it is durable; where the store cannot be written it keeps trying
    // (backoff up to 30 s) until it can or the coroutine is cancelled.
    task<result<void>> finish(protocol::result r);
    // The result of a read: sent at once while the link is up, stored where it is not. `deadline`: its ttl.
    task<void> answer_read(protocol::result r, steady_time deadline);

    std::int64_t unacked() const noexcept;

private:
    // Filled in by the implementation.
};

} // namespace relay::store
