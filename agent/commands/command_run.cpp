#include "agent/commands/command_run.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>

#include <algorithm>

namespace relay::commands {
namespace {

constexpr backoff::limits retry_limits{500ms, 30s};
constexpr duration shortest_request = 1s;
constexpr duration between_looks = 5s; // while an outcome is unknown

} // namespace

command_run::command_run(const asio::any_io_executor& executor, store::ticket_ptr t, const services& s,
                         const limits& l, std::uint64_t seed)
    : ticket_(std::move(t)),
      services_(s),
      limits_(l),
      wake_(executor),
      pace_(retry_limits, seed)
{
    if (services_.jumps)
        jumps_ = services_.jumps();
    // Found begun at start: sent before that, but how long before nobody knows. The wall clock may have
    // jumped since, and the look that goes with a begin may have held the request up.
    if (ticket_->begun)
        settles_at_ = services_.time.now() + limits_.settle;
    others_unknown_ = ticket_->redelivered && !is_read() && !ticket_->event_id.empty();
    if (ticket_->redelivered || ticket_->restored)
        others_settle_at_ = services_.time.now() + lag();
}

// Where time has jumped, a write is treated as if it had been found at a start. The machine may have been put back to a
// snapshot of its memory, of which there was another life meanwhile; and where it was only the wall clock that was set,
// nobody has waited as long as it seems.
bool command_run::notice_jump()
{
    if (is_read() || !services_.jumps)
        return false;
    const auto jumps = services_.jumps();
    if (std::exchange(jumps_, jumps) == jumps)
        return false;
    const auto now = services_.time.now();
    if (settles_at_)
        settles_at_ = now + limits_.settle;
    ticket_->restored = true;
    others_settle_at_ = now + lag();
    return true;
}

// Until `t`, or until somebody calls wake(): then the caller looks at its condition again.
task<command_run::woken> command_run::pause_until(steady_time t)
{
    using namespace asio::experimental::awaitable_operators;
    bool notified = false;
    for (;;) {
        notice_jump();
        const bool can_end = !outcome_is_unknown();
        if (draining_)
            co_return woken::draining;
        if (can_end && ticket_->cancelled && !ticket_->started)
            co_return woken::cancelled;
        if (can_end && dropped_)
            co_return woken::dropped;
        const auto now = services_.time.now();
        const bool ends_in_time = can_end && !others_unknown_;
        if (ends_in_time && now >= ticket_->deadline)
            co_return woken::deadline;
        if (notified || now >= t)
            co_return woken::elapsed;
        const auto until = ends_in_time ? std::min(t, ticket_->deadline) : t;
        const auto first = co_await (services_.time.sleep_for(until - now) || wake_.wait());
        notified = first.index() == 1;
    }
}

// Until `t`, whoever calls wake() before; or, once somebody does, until `enough` is true.
task<std::optional<ending>> command_run::rest_until(steady_time t, std::function<bool()> enough)
{
    turn_.leave();
    for (;;) {
        auto over = ended_by(co_await pause_until(t));
        if (over || services_.time.now() >= t || (enough && enough()))
            co_return over;
    }
}

task<std::optional<ending>> command_run::wait_for_wake()
{
    in_line_ = true;
    const auto why = co_await pause_until(steady_time::max());
    in_line_ = false;
    co_return ended_by(why);
}

std::optional<ending> command_run::ended_by(woken w) const
{
    switch (w) {
    case woken::elapsed:
        return std::nullopt;
    case woken::deadline:
        return ending{deadline_answer()};
    case woken::cancelled:
        return ending{protocol::fault{protocol::fault_code::cancelled, "cancelled before it was begun", {}}};
    case woken::dropped:
        return ending{protocol::fault{protocol::fault_code::cancelled,
                                      "an administrator of the agent dropped it; nothing was changed in "
                                      "Exchange",
                                      {}}};
    case woken::draining:
        // A stored write goes on after the next start; a read is answered with what is known.
        if (!is_read())
            return ending{};
        return ending{last_error_ ? last_error_->fault
                                  : protocol::fault{
                                        protocol::fault_code::overloaded, "the agent is shutting down", {}}};
    }
    return std::nullopt;
}

reply command_run::deadline_answer() const
{
    if (last_error_)
        return last_error_->fault;
    if (ticket_->failed_with)
        return protocol::fault{
            *ticket_->failed_with,
            "the command's time passed; its last try, before a restart of the agent, failed so",
            {}};
    // Begun, and nothing that tells why it failed: a restart cut the try off, or the time passed in the
    // middle of it.
    if (ticket_->attempts > 0)
        return protocol::fault{protocol::fault_code::exchange_unavailable,
                               "the command's time passed before a try of it was answered; Exchange does not "
                               "hold it as carried out",
                               {}};
    return protocol::fault{
        protocol::fault_code::deadline_exceeded, "the command's time passed before it could be tried", {}};
}

task<std::optional<ending>> command_run::before_try()
{
    return before_try(turn_, {});
}

task<std::optional<ending>> command_run::before_try(turns::turn& mine, std::function<bool()> enough)
{
    for (;;) {
        if (enough && enough())
            co_return std::nullopt;
        const auto now = services_.time.now();
        if (auto over = ended_by(co_await pause_until(now))) {
            mine.leave();
            co_return over;
        }
        // While an outcome is unknown the next step is a look-up: it does not wait for the end of an outage, but does not
        // press on where Exchange asked for a pause.
        const bool unknown = outcome_is_unknown();
        const bool repeated = failed_before_ && !hurried_ && !unknown;
        const auto earliest = services_.gate.earliest_start(mailbox_, repeated);
        if (earliest > now) {
            mine.leave();
            pausing_ = true;
            const auto why = co_await pause_until(earliest);
            pausing_ = false;
            if (auto over = ended_by(why))
                co_return over;
            continue;
        }
        if (!mine.is_here()) {
            if (!mine.waits())
                mine = services_.turns.join(mailbox_, ticket_->kind, [this] { wake_.notify(); });
            if (!mine.is_here()) {
                for_turn_ = true;
                const auto why = co_await pause_until(steady_time::max());
                for_turn_ = false;
                if (auto over = ended_by(why)) {
                    mine.leave();
                    co_return over;
                }
            }
            continue; // things may have changed while it waited
        }
        hurried_ = false;
        if (auto over = unknown ? std::nullopt : forbidden()) {
            mine.leave();
            co_return over;
        }
        services_.gate.may_start(mailbox_, repeated, now);
        ticket_->started = true;
        if (!unknown && !(others_unknown_ && deadline_passed()))
            count_attempt();
        co_return std::nullopt;
    }
}

bool command_run::may_start_now() const
{
    const auto now = services_.time.now();
    return !draining_ && !dropped_ && !(ticket_->cancelled && !ticket_->started) && now < ticket_->deadline &&
           services_.gate.earliest_start(mailbox_, failed_before_) <= now &&
           services_.allows(*ticket_).has_value();
}

void command_run::starts()
{
    ticket_->started = true;
    count_attempt();
}

std::optional<ending> command_run::forbidden()
{
    const auto allowed = services_.allows(*ticket_);
    if (allowed.has_value())
        return std::nullopt;
    auto why = allowed.error();
    if (partly_applied_ == part::yes)
        why.message += rest_is_changed;
    return ending{std::move(why)};
}

task<std::optional<ending>> command_run::after_failure(ews::error e)
{
    return after_failure(std::move(e), turn_);
}

task<std::optional<ending>> command_run::after_failure(ews::error e, turns::turn& mine)
{
    const bool ends = is_final(e) || (is_read() && e.remedy == ews::remedy::sign_in);
    co_return co_await pause_after(std::move(e), mine, ends);
}

task<std::optional<ending>> command_run::before_look_up(ews::error e)
{
    co_return co_await pause_after(std::move(e), turn_, false);
}

bool command_run::is_final(const ews::error& e)
{
    if (e.remedy == ews::remedy::give_up) {
        if (!e.may_pass || is_read())
            return true;
        // What was taken up at a start has been with an EWS at this address before.
        if (ticket_->restored && e.fault.code == protocol::fault_code::exchange_unsupported)
            return false;
        return ++doubts_ >= most_doubts;
    }
    // Tried again, and yet no retryable code: a conflict, an item that is gone.
    return e.remedy == ews::remedy::retry && !protocol::retryable(e.fault.code) && ++doubts_ >= most_doubts;
}

task<std::optional<ending>> command_run::pause_after(ews::error e, turns::turn& mine, bool ends)
{
    const auto now = services_.time.now();
    if (e.remedy == ews::remedy::back_off)
        services_.turns.too_much(mine, e.whole_server);
    mine.leave();
    services_.gate.failed(e, mailbox_, now, services_.time.utc_now());
    // Exchange's own words may name people: its code says enough.
    services_.log.debug("{} {}: {} ({})", ticket_->op, ticket_->id,
                        e.fault.exchange.empty() ? e.fault.message : e.fault.exchange,
                        protocol::name(e.fault.code));
    failed_before_ = true;
    counted_ = false;
    // While an outcome is unknown even a permanent refusal of the look-up proves nothing about it: go on
    // looking, at least until the write has settled and the command's time is over.
    if (ends && (!outcome_is_unknown() || (settled() && deadline_passed())))
        co_return ending{std::move(e.fault)};
    auto delay = pace_.next();
    if (e.remedy == ews::remedy::back_off)
        delay = std::max(delay, services_.gate.earliest_start(mailbox_, false) - now);
    last_error_ = std::move(e);
    // No further try fits in: say so now instead of at the deadline.
    if (!outcome_is_unknown() && !others_unknown_ && now + delay >= ticket_->deadline)
        co_return ending{deadline_answer()};
    // The end of an outage ends the pause; another command's failure does not, or two that look up their outcomes would
    // keep each other awake.
    std::function<bool()> enough = [this] {
        return hurried_ || services_.gate.state() != server_state::unreachable;
    };
    pausing_ = true;
    auto over = co_await rest_until(now + delay, std::move(enough));
    pausing_ = false;
    co_return over;
}

void command_run::succeeded()
{
    succeeded(turn_);
}

void command_run::succeeded(const turns::turn& mine)
{
    services_.turns.went_well(mine);
    services_.gate.succeeded(services_.time.now(), services_.time.utc_now());
}

void command_run::count_attempt()
{
    if (!std::exchange(counted_, true))
        ++ticket_->attempts;
}

duration command_run::request_limit() const
{
    if (!is_read())
        return limits_.request;
    return std::clamp(ticket_->deadline - services_.time.now(), shortest_request, limits_.request);
}

task<command_run::try_start> command_run::begin()
{
    if (notice_jump()) // what was found is old
        co_return try_start{};
    const auto stored = co_await services_.store.begin(ticket_->id, services_.time.utc_now());
    if (stored.has_value()) {
        count_attempt();
        sent_before_ = std::exchange(ticket_->sent, true);
        // The disk may have taken its time, or the machine.
        if (deadline_passed()) {
            auto late = co_await came_too_late();
            co_return try_start{false, std::move(late)};
        }
        if (notice_jump() && !may_be_partly_applied()) {
            ticket_->sent = sent_before_;
            co_await take_back(protocol::fault_code::exchange_unavailable);
            co_return try_start{};
        }
        co_return try_start{true, std::nullopt};
    }
    auto over = co_await not_stored(stored.error());
    co_return try_start{false, std::move(over)};
}

task<std::optional<ending>> command_run::not_stored(error_code why)
{
    ews::error unwritable;
    unwritable.fault = {
        protocol::fault_code::overloaded, fmt::format("the queue cannot be written: {}", why.message()), {}};
    unwritable.remedy = ews::remedy::retry;
    co_return co_await after_failure(std::move(unwritable));
}

task<std::optional<ending>> command_run::before_step()
{
    if (auto over = ended_by(co_await pause_until(services_.time.now())))
        co_return over;
    if (!outcome_is_unknown())
        if (auto over = forbidden())
            co_return over;
    ticket_->started = true;
    count_attempt();
    co_return std::nullopt;
}

task<void> command_run::retract(const ews::error& e)
{
    return take_back(e.fault.code);
}

task<void> command_run::take_back(protocol::fault_code why)
{
    // Where this is not stored, the next start looks the try up without need: slower, never wrong.
    std::string code(protocol::name(why));
    co_await services_.store.retract(ticket_->id, std::move(code));
}

task<ending> command_run::came_too_late()
{
    if (partly_applied_ == part::no && std::exchange(counted_, false))
        --ticket_->attempts; // nothing was sent: it was no try
    auto why = deadline_answer().error();
    const bool half_done = partly_applied_ == part::yes;
    services_.log.warn("{} {}: its time passed before {} could leave; {} ({})", ticket_->op, ticket_->id,
                       half_done ? "the second of its two requests" : "its request",
                       half_done ? "the first is not undone" : "nothing was sent", protocol::name(why.code));
    if (half_done)
        why.message += rest_is_changed;
    if (!may_be_partly_applied()) {
        ticket_->sent = sent_before_;
        co_await take_back(why.code);
    }
    co_return ending{std::move(why)};
}

bool command_run::may_be_partly_applied() const
{
    if (partly_applied_ != part::no)
        return true;
    const bool is_update =
        ticket_->operation.has_value() && std::holds_alternative<protocol::event_update>(*ticket_->operation);
    return is_update && ticket_->begun.has_value();
}

void command_run::outcome_unknown(const ews::error& e, bool final)
{
    const bool over = e.effect == ews::effect::possible;
    settles_at_ = services_.time.now() + (over ? duration::zero() : limits_.settle);
    refusal_ = final ? std::optional(e.fault) : std::nullopt;
    answered_ = over ? std::optional(e.fault) : std::nullopt;
    tried_in_vain_ = true;
}

std::optional<ending> command_run::never_arrived()
{
    others_unknown_ = false;
    settles_at_.reset();
    if (!refusal_)
        return std::nullopt;
    return ending{std::move(*std::exchange(refusal_, std::nullopt))};
}

task<std::optional<ending>> command_run::wait_to_settle()
{
    return rest_until(std::min(services_.time.now() + between_looks, all_settles_at()));
}

task<std::optional<ending>> command_run::wait_for_sight()
{
    return rest_until(services_.time.now() + lag());
}

void command_run::drain()
{
    draining_ = true;
    wake_.notify();
}

wish command_run::hurry()
{
    if (draining_)
        return wish::draining;
    if (in_line_)
        return wish::waits_for_turn;
    if (!pausing_)
        return wish::under_way;
    const auto now = services_.time.now();
    if (services_.gate.earliest_start(mailbox_, false) > now)
        return wish::paused;
    hurried_ = true;
    wake_.notify();
    return wish::granted;
}

wish command_run::drop()
{
    if (draining_)
        return wish::draining;
    if (outcome_is_unknown() || may_be_partly_applied())
        return wish::outcome_unknown;
    if (ticket_->redelivered)
        return wish::redelivered;
    if (!in_line_ && !for_turn_ && !pausing_)
        return wish::under_way;
    dropped_ = true; // whoever waits so looks at it before anything else
    wake_.notify();
    return wish::granted;
}

} // namespace relay::commands
