// One command from its start to its end: waiting, retries and their pace, its deadline, and what is still
// unknown. The operations (operations.hpp) are written on top of it and read like the story they tell.
#pragma once

#include "agent/commands/attempt.hpp"
#include "agent/commands/command_listener.hpp"
#include "agent/ews/exchange.hpp"
#include "agent/exchange_access/circuit_breaker.hpp"
#include "agent/exchange_access/concurrency_limiter.hpp"
#include "agent/exchange_access/recipients.hpp"
#include "agent/policy/invitation_rate.hpp"
#include "agent/policy/policy.hpp"
#include "agent/store/loop/command_context.hpp"
#include "agent/store/queue_store.hpp"
#include "common/async/notifier.hpp"
#include "common/time/backoff.hpp"

#include <boost/json/object.hpp>

#include <algorithm>
#include <functional>
#include <optional>

namespace spdlog {
class logger;
}

namespace relay::exchange_access {
class request_batcher;
}

namespace relay::store {
class outbox;
}

namespace relay::commands {

namespace json = boost::json;

using exchange_access::circuit_breaker;
using exchange_access::concurrency_limiter;
using exchange_access::request_batcher;
using exchange_access::server_state;

struct limits {
    duration request = 30s; // exchange.timeout_s: one request to Exchange
    duration settle = 120s; // exchange.settle_s: how long a request of unknown outcome may still take effect
    int parallel_parts = 4; // requests that one availability.get has under way at once
    std::size_t most_requests = 10; // exchange.max_connections: tries under way at once
    // Mailboxes about which free/busy questions of several commands are asked in one request; 0: each is asked alone.
    std::size_t batched_mailboxes = ews::max_availability_mailboxes;
};

// What every command uses; owned by the dispatcher, outlives every run.
struct services {
    ews::exchange& exchange;
    store::queue_store& store;
    time_source& time;
    circuit_breaker& gate;
    exchange_access::concurrency_limiter& limiter;
    request_batcher& batcher;
    const policy::policy& policy; // asked before each try: it may have changed since the last one
    policy::invitation_rate& invitations;
    exchange_access::recipients& recipients;      // who addresses are
    std::function<task<json::object>()> diagnose; // agent.diagnose
    spdlog::logger& log;
    command_listener& listener;
    const store::outbox& out;
};

using reply = protocol::checked<json::object>;

// How a run ended: with the command's reply, or suspended by a shutdown; a stored write goes on after the next start.
class ending {
public:
    ending(reply r) : answer_(std::move(r)) {}
    ending(protocol::fault f) : answer_(reply(std::move(f))) {}
    ending(json::object output) : answer_(reply(std::move(output))) {}
    static ending suspended() { return {}; }
    ending() = default; // suspended; boost::system::result asks for it

    bool is_suspended() const noexcept { return !answer_; }
    // Only of one that is not suspended.
    reply& answer() { return *answer_; }
    const reply& answer() const { return *answer_; }

private:
    std::optional<reply> answer_;
};

// What became of an administrator's request (`queue retry`, `queue drop`).
enum class admin_request {
    granted,
    unknown,           // no such write waits or runs
    under_way,         // it is being carried out now
    outcome_unknown,   // a try was begun, and it is being looked up whether it took effect
    redelivered,       // another agent may have carried it out: only looking it up tells
    waits_for_earlier, // another command for its event runs before it
    paused,            // Exchange asked for a pause
    draining,          // the agent is stopping
};

// Performs what the attempt allows. Loop thread only. Used by one coroutine; wake(), drain(), retry_now() and drop() come from
// outside it.
class command_run {
public:
    command_run(const asio::any_io_executor& executor, store::context_ptr t, services& s, const limits& l,
                std::uint64_t seed);

    const store::command_context& context() const noexcept { return *context_; }
    const store::context_ptr& context_pointer() const noexcept { return context_; }
    services& use() noexcept { return services_; }
    const limits& bounds() const noexcept { return limits_; }

    // The mailbox this command talks about, for pauses that Exchange asked for; empty: none.
    void about(std::string mailbox_key) { mailbox_ = std::move(mailbox_key); }

    // Waits to be woken (its permit may have come): how the command ends instead, as below.
    task<std::optional<ending>> wait_for_wake();

    // Waits until a try may start and it has a permit, which it keeps until it pauses or is over. How the command ends instead: cancelled, its deadline passed, forbidden by policy, or
    // suspended. While the outcome of an earlier try is unknown neither cancel nor deadline nor policy ends it, and the
    // wait is only for a look-up.
    task<std::optional<ending>> before_try();
    // The same for one of several tries that a command has under way at once. Ends as well, with or without its permit,
    // once `enough` is true (asked whenever the command is woken).
    task<std::optional<ending>> before_try(concurrency_limiter::permit& mine, std::function<bool()> enough);

    // As before_try(), for a step that asks nothing of Exchange: the server's state does not hold it up.
    task<std::optional<ending>> before_step();
    // The store could not take what a step wanted stored: as after_failure().
    task<std::optional<ending>> not_stored(error_code why);

    // What a failed try means: how the command ends, or nothing, after the pause that is due, where it may go
    // on.
    task<std::optional<ending>> after_failure(ews::error e);
    task<std::optional<ending>> after_failure(ews::error e, concurrency_limiter::permit& mine);
    // The same of a write that is looked up next: the failure alone does not end it.
    task<std::optional<ending>> before_look_up(ews::error e);
    // Whether a try may start this instant if somebody else's permit is used for it.
    bool may_start_now() const;
    // It does.
    void starts();

    // It takes so much memory beside what it came with; false if all that is under way together would take too much.
    bool holds(std::size_t bytes);

    // How the command ends where policy forbids it by now; nothing where it does not.
    std::optional<ending> forbidden();
    // The same of those who are to be told and whom the command does not name: the attendees that the item has already.
    std::optional<ending> forbidden_to_tell(const std::vector<protocol::attendee>& attendees) const;

    // Those whom it invites and of whom it has to be found out who they are, before policy can judge.
    std::vector<mailbox_address> strangers() const;

    // Every successful call tells the gate.
    void succeeded();
    void succeeded(const concurrency_limiter::permit& mine);
    // Nothing more will be asked.
    void ends_asking() { permit_.release(); }
    // A step that asks nothing of Exchange begins: it counts as a try.
    void count_attempt() { attempt_.count_try(); }

    // How long the next request may take: exchange.timeout_s, for a read not beyond its deadline.
    duration request_limit() const;
    // The same for one that changes something: it does not leave after the command's time.
    ews::write_bounds write_bounds() const { return {request_limit(), context_->deadline}; }

    // ---- writes: a try is begun durably before its request leaves ----
    struct try_start {
        bool durable = false; // only then may the request leave
        // How the command ends instead; nothing: go back to looking and begin again.
        std::optional<ending> over;
    };
    // `invitations`: how many its request may send. They count for the host once for the whole command; over the rate that policy
    // allows the command ends.
    task<try_start> begin(std::size_t invitations = 0);
    // The begun try is known to have changed nothing.
    task<void> retract(protocol::fault_code why);
    // The command's time was over before the request of the begun try could leave: takes it back, and how the command ends.
    task<ending> came_too_late();
    // As attempt says.
    void partly_applied(bool certain) { attempt_.partly_applied(certain); }
    bool may_be_partly_applied() const { return attempt_.may_be_partly_applied(); }
    void outcome_unknown(const ews::error& e);
    const std::optional<protocol::fault>& answered() const noexcept { return attempt_.answered(); }
    bool outcome_is_unknown() const noexcept { return attempt_.is_unknown(); }
    // It was carried out before, and others changed its item since: what the item holds now is not what it wrote.
    void found_overtaken() { context_->overtaken = true; }
    // Nobody asks for it anew: it was found unfinished in this agent's own store.
    bool is_left_over() const { return context_->restored && !context_->redelivered; }
    // Whether nothing that was sent before can still take effect.
    bool settled()
    {
        notice_jump();
        return attempt_.settled(services_.time.now());
    }
    // A look-up did not find the try's effect: waits before the next look, at most until it is settled.
    task<std::optional<ending>> wait_to_settle();
    // Nothing is there: waits as long as Exchange may leave a new item out of what it finds.
    task<std::optional<ending>> wait_for_sight();
    // It never took effect: how the command ends if the server refused it for good.
    std::optional<ending> never_arrived();
    bool may_be_repeat() const { return attempt_.may_be_repeat(); }
    bool is_read() const noexcept { return context_->kind == protocol::operation_class::read; }
    bool deadline_passed() const { return services_.time.now() >= context_->deadline; }
    // What ends a command whose deadline passed: the last try's fault, or deadline_exceeded where there was none. One of
    // which nothing was ever sent counts as none.
    reply deadline_answer() const;

    void wake() { wake_.notify(); }
    // Shutdown: no further try; a wait ends now.
    void drain();
    // Ends the pause after a failed try: the next one is made now, also while the server is taken for unreachable. What
    // keeps outcomes known is not cut short, nor is a pause that Exchange asked for.
    admin_request retry_now();
    // Ends a write that waits, with `cancelled`. Granted only where it is known that nothing of it took effect.
    admin_request drop();

    static constexpr std::string_view rest_is_changed = "; what concerns no attendee is changed already";

private:
    enum class woken { elapsed, deadline, cancelled, dropped, draining };
    // What it waits for now.
    enum class waiting {
        for_nothing,
        in_line,    // the commands of its event that came before it
        for_permit, // its permit to ask Exchange
        for_time,   // a pause after a failed try, or until the server may be asked
    };
    // From outside; what comes later in this list overrides what comes before.
    enum class order { go_on, drop, drain };
    class stay;
    bool notice_jump();
    ending denied(protocol::fault why) const;
    std::optional<ending> over_the_rate(std::size_t invitations);
    task<void> take_back(protocol::fault_code why);
    task<woken> pause_until(steady_time t);
    task<std::optional<ending>> pause_after(ews::error e, concurrency_limiter::permit& mine, bool ends);
    task<std::optional<ending>> rest_until(steady_time t, std::function<bool()> enough = {});
    std::optional<ending> ended_by(woken w) const;
    protocol::checked<void> policy_allows() const;

    store::context_ptr context_;
    services& services_;
    limits limits_;
    std::string mailbox_;
    notifier wake_;
    backoff pace_;
    concurrency_limiter::permit
        permit_; // of the try under way, but for parts of availability.get, which have their own
    attempt attempt_;
    std::optional<ews::error> last_error_;
    order order_ = order::go_on;
    waiting waits_ = waiting::for_nothing;
    bool failed_before_ = false;
    bool invitations_counted_ = false;
    steady_time try_began_{}; // the last one
    bool retry_now_ = false;  // the pause after that failure was cut short
    std::size_t held_ = 0;    // by holds()
    std::uint64_t jumps_ = 0; // of the machine's time, as far as noticed
};

} // namespace relay::commands
