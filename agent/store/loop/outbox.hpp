// The door through which everything leaves: results and events are durable before they are sent, and sent in order of
// seq until the cloud has acknowledged them. Reads and short answers pass in memory while the link is up.
#pragma once

#include "agent/store/loop/vouched_time.hpp"
#include "agent/store/queue_store.hpp"
#include "common/async/notifier.hpp"
#include "common/async/task_group.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace relay::store {

// Loop thread only. Sessions do not overlap: link_up(), …, link_down() returned, link_up().
class outbox {
public:
    // Short answers that lie here before room() waits: what a cloud that sends but does not read can make us hold.
    static constexpr std::size_t most_replies = 256;
    static constexpr std::size_t most_reply_bytes = 4 * 1'048'576;
    // Stored messages held in memory while the link is up; the rest waits on disk and is read page by page.
    static constexpr std::size_t most_ready = 1'024;
    static constexpr std::size_t most_ready_bytes = 1'048'576;
    // How long acknowledgements gather before they are stored together.
    static constexpr duration ack_patience = std::chrono::milliseconds(50);
    // Results of reads kept in memory where the link is down and the store cannot be written; older ones are dropped.
    static constexpr std::size_t most_kept_reads = 256;

    outbox(asio::any_io_executor executor, queue_store& store, time_source& time, spdlog::logger& log);

    // Learns from the store what is owed. Once, before anything else; inbox::recover() does it.
    task<result<void>> recover();
    // Ends what goes on in the background. Call it before the outbox goes; link_down() first where a session is on.
    task<void> stop();

    // ---- for the uplink ----
    // A session begins. `acked`: welcome's ack. Stored messages above it are sent (again), in order.
    void link_up(sequence acked, std::size_t max_message_bytes);
    // The session is over: short answers not yet taken are dropped, reads not yet taken are stored. Not cancellable (but a
    // coroutine that was cancelled before has to begin with throw_if_cancelled(false), as for task_group::join()).
    task<void> link_down();
    // The next frame to send: short answers and reads first, then stored messages by seq. Waits; operation_aborted
    // where the waiting coroutine is cancelled, a store error where reading failed (try again later).
    // A body over max_message_bytes becomes result_too_large, a stored read past its expiry deadline_exceeded.
    // One caller at a time. A frame that was returned counts as sent: do not race next() against an operation whose
    // win throws the frame away (a cancelled next() takes nothing).
    task<result<std::string>> next();
    // True where everything that is owed has been taken: what a drain waits for.
    bool idle() const noexcept;
    // Waits for that; operation_aborted where the waiting coroutine is cancelled.
    task<error_code> until_idle();
    // True where next() returns without waiting, not even for the disk: what may join a frame already taken.
    bool ready() const noexcept;
    // No message above it can have been sent by this store, which is `us` now: not by this process, and not before it. A
    // cloud that has more shows that the store is an old copy.
    sequence sent(const identity& us) const noexcept;
    // The cloud holds everything up to `seq`. Returns at once; what was acknowledged meanwhile shares one commit.
    void acknowledge(sequence seq);
    // Waits while too many short answers lie here because the cloud sends faster than it reads; success at once where
    // the link is down. operation_aborted where the waiting coroutine is cancelled.
    task<error_code> room();

    // ---- for the inbox and dispatch ----
    // A frame that is worth nothing after this session (accepted, problem, a refusal, a repeated result).
    // Dropped where the link is down.
    void reply(std::string frame);
    // The stored result `seq` again, for a command that was repeated. Sent only where it went out on this link before:
    // otherwise it is still in line, and must not overtake what has a lower seq.
    void repeat(sequence seq, std::string_view body);
    // The result of an accepted write. Returns when it is durable; where the store cannot be written it keeps trying
    // (backoff up to 30 s) until it can or the coroutine is cancelled. Other errors: errc::not_found, store_corrupt.
    // `event`: what it means for its event's item, kept with it.
    task<result<void>> finish(protocol::result r, std::optional<event_write> event = {});
    // The result of a read: sent at once while the link is up, stored where it is not. `deadline`: its ttl. Where it can
    // be neither sent nor stored it is kept in memory for the next session.
    task<void> answer_read(protocol::result r, steady_time deadline);

    // An event, without seq (protocol::encode_event). Returns when it is durable; store errors are the caller's.
    task<result<sequence>> publish(std::string body);

    // What was seen of watched mailboxes, an event each. Returns when it is durable; store errors are the caller's, and
    // then nothing of it was stored. While the cloud cannot take them, one event a mailbox and watch waits: the newest.
    task<result<void>> publish(std::vector<observation> seen);

    // What was seen of tracked events, as publish(); what is out of date is not told.
    task<result<void>> publish_changes(std::vector<event_observation> seen);

    // The longest frame that the cloud takes, in this session or the last one.
    std::size_t longest_frame() const noexcept { return max_bytes_; }

    // Stored messages that the cloud has not acknowledged.
    std::int64_t unacked() const noexcept;

    // The time as the machine and the cloud say it: `welcome` tells the cloud's.
    vouched_time& clock() noexcept { return clock_; }
    const vouched_time& clock() const noexcept { return clock_; }

private:
    // A frame that passes in memory; with a deadline: the result of a read.
    struct passing {
        std::string frame;
        std::string id;
        std::optional<steady_time> deadline;
    };

    void published(const std::vector<stored_observation>& became, std::vector<std::string> bodies,
                   bool at_once);
    task<error_code> refresh();
    task<error_code> fetch();
    task<bool> store_read(const passing& read);
    task<void> flush_acks();
    std::string take_passing();
    std::string take_stored();
    void pass(passing p);
    void stored(stored_message m);
    bool nothing_waits() const noexcept;
    void forget_ready();
    std::string fitted(std::string body) const;
    void stand(const identity& us);

    queue_store& store_;
    time_source& time_;
    vouched_time clock_;
    spdlog::logger& log_;
    notifier filled_;
    notifier drained_;
    notifier idled_;
    notifier flushed_now_;  // flush_acks() ended
    notifier session_ends_; // it need not gather acknowledgements any longer

    bool up_ = false;
    bool refreshed_ =
        false; // tail_ was asked of the store in this session: an old copy may have been renumbered
    std::uint64_t session_ = 0;
    std::size_t max_bytes_ = protocol::default_max_message_bytes;

    std::deque<passing> passing_;
    std::size_t passing_bytes_ = 0;
    std::deque<stored_message>
        ready_; // the stored messages from taken_ (exclusive) to cached_to_ (inclusive)
    std::size_t ready_bytes_ = 0;
    sequence acked_ = 0;     // the cloud holds everything up to here
    sequence taken_ = 0;     // given to next() in this session
    sequence cached_to_ = 0; // read from disk, or put here by stored()
    sequence tail_ = 0;      // the last seq given out
    sequence sent_ =
        0; // the highest that this process took for sending, or found as possibly sent at its start
    sequence may_send_ = 0; // the store knows that everything up to it may have been sent

    task_group acks_; // at most one flush_acks()
    bool flushing_ = false;
    sequence flushed_ = 0; // what the store was told
    std::string store_id_;
};

} // namespace relay::store
