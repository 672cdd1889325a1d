// The door through which commands enter: what the uplink receives is checked, made durable where it is a write, and
// handed to dispatch in the order received. Answers that need no Exchange (accepted, refusals, repeats) go to the outbox.
#pragma once

#include "agent/store/loop/command_context.hpp"
#include "agent/store/loop/earlier_commands.hpp"
#include "agent/store/loop/outbox.hpp"
#include "agent/store/loop/reorder_buffer.hpp"
#include "agent/store/loop/short_replies.hpp"
#include "agent/store/loop/token_bucket.hpp"
#include "agent/store/queue_store.hpp"
#include "common/async/notifier.hpp"
#include "common/async/task_group.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace spdlog {
class logger;
}

namespace relay::store {

// Loop thread only; await stop() before it goes. Outlives the links: a command offered on a link that is gone is admitted all the same.
class inbox {
public:
    // Parses a command and asks policy: the fault is the answer where it must not run.
    using check = std::function<protocol::checked<protocol::operation_ptr>(const protocol::command&)>;

    struct limits {
        int window =
            64; // commands without a result, reads and writes together; one beyond it is answered overloaded
        std::size_t memory_bytes = memory_budget::usual; // of them together, as far as they are counted
    };

    inbox(asio::any_io_executor executor, queue_store& store, outbox& out, time_source& time,
          const protocol::operation_catalog& catalog, check check, limits limits, spdlog::logger& log);

    // Takes up the unfinished writes of the store, in the order they were received, and what the outbox owes. Once, before
    // anything is offered. Time that passed while the agent was off counts against their ttl. One whose ttl is over by the
    // machine's clock alone waits for the first session, and what is behind it under its ordering key with it: by the cloud's clock all
    // of them count from then on.
    task<result<void>> recover();

    // ---- for the uplink ----
    // Takes a command as PROTOCOL.md says ("Commands and results"). Returns at once; admission goes on behind it, in order.
    // A refusal (window, policy, params) of a command whose id the store knows is not given: the known outcome is.
    // `bytes`: of its frame.
    void offer(protocol::command c, std::size_t bytes = 0);
    // Marks a command that dispatch has not started as cancelled; it still comes out of next(), to be answered.
    void cancel(std::string_view id);
    // The name of the session, as welcome gave it, by which commands come from now on. The outbox's clock has heard its time.
    void session_began(std::string_view name);
    // After goodbye: whatever is new from now on is answered overloaded.
    void close();

    // ---- for dispatch ----
    // The next command to carry out; operation_aborted where the waiting coroutine is cancelled. In the order received,
    // but that a read need not wait for the disk: it passes writes with other ordering keys that are still being stored.
    // Do not race it against an operation whose win throws the command away.
    task<result<context_ptr>> next();
    // Whether the read's answer may be given: waits until it is known that no write has its id (id_reused went out
    // otherwise). False too where the waiting coroutine is cancelled.
    task<bool> may_answer(context_ptr read);
    // The command's result has been given to the outbox: its place in the window is free.
    void release(const context_ptr& t);

    // Told of each command that is refused before it is admitted (a write whose id was used before, too); at most one
    // listener.
    void on_refused(protocol::ended_listener listener) { replies_.on_refused(std::move(listener)); }

    // Commands without a result: admitted or being admitted.
    std::size_t open() const noexcept;
    // Waits until none is open; operation_aborted where the waiting coroutine is cancelled.
    task<error_code> until_empty();
    bool is_open(const std::string& id) const;

    // Ends admissions that are under way and returns when they are gone.
    task<void> stop();

private:
    // Watches, begun and ended: they ask nothing of Exchange, and a cloud that sends thousands a second would push bookings
    // out of the history and what it did out of the audit. At once, and a second after that.
    static constexpr double watches_at_once = 5'000, watches_a_second = 20;
    static constexpr std::size_t most_look_ups = 256; // at a time; past it a refusal is given without looking

    std::optional<protocol::fault> refusal(const protocol::command& c) const;
    void offer_known(const protocol::command& c, const command_context& known);
    void refuse(const protocol::command& c, protocol::fault f);
    task<void> admit(new_command c, reorder_buffer::entry_ptr w);
    void spawn_look_up(const protocol::command& c, std::function<void()> unknown);
    task<void> look_up(reply_address to, std::string fingerprint, std::function<void()> unknown);
    task<void> look_up_read(context_ptr t, std::string fingerprint);
    void make_ready(const context_ptr& t);
    void make_ready(const std::vector<context_ptr>& some);
    void note(error_code ec);
    void note_full(bool full);
    context_ptr restore(const unfinished_command& u) const;

    queue_store& store_;
    outbox& out_;
    short_replies replies_;
    time_source& time_;
    const protocol::operation_catalog& catalog_;
    check check_;
    limits limits_;
    spdlog::logger& log_;
    notifier filled_;
    notifier looked_up_; // a read's id
    notifier emptied_;
    std::string session_;

    memory_budget memory_;
    token_bucket watches_{watches_at_once, watches_a_second};
    std::unordered_map<std::string, context_ptr> open_; // by id
    reorder_buffer being_stored_;
    std::deque<context_ptr> ready_;
    earlier_commands earlier_;
    std::size_t look_ups_ = 0;
    bool closed_ = false;
    bool failing_ = false; // the store; for logging a change once
    bool full_ = false;    // queue.max_commands; likewise

    task_group admissions_;
};

} // namespace relay::store
