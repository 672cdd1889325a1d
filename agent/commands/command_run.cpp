#include "agent/commands/command_run.hpp"

#include "agent/store/loop/command_subject.hpp"
#include "common/log_event/log_event.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>

#include <algorithm>

namespace relay::commands {
namespace {

constexpr backoff::limits retry_limits{500ms, 30s};
constexpr duration shortest_request = 1s;
constexpr duration between_looks = 5s; // while an outcome is unknown
constexpr duration longest_lag = 5s;

// How long Exchange may take to show what it has carried out; settle_s is believed to be no less.
duration lag_of(const limits& l)
{
    return std::min(longest_lag, l.settle);
}

} // namespace

// It waits for something as long as this lives.
class command_run::stay {
public:
    stay(command_run& run, waiting what) : run_(run) { run_.waits_ = what; }
    ~stay() { run_.waits_ = waiting::for_nothing; }
    stay(const stay&) = delete;
    stay& operator=(const stay&) = delete;

private:
    command_run& run_;
};

command_run::command_run(const asio::any_io_executor& executor, store::context_ptr t, services& s,
                         const limits& l, std::uint64_t seed)
    : context_(std::move(t)),
      services_(s),
      limits_(l),
      wake_(executor),
      pace_(retry_limits, seed),
      attempt_(*context_, {l.settle, lag_of(l)}, s.time.now())
{
    jumps_ = services_.time.jumps();
}

bool command_run::notice_jump()
{
    if (is_read())
        return false;
    const auto jumps = services_.time.jumps();
    if (std::exchange(jumps_, jumps) == jumps)
        return false;
    attempt_.time_jumped(services_.time.now());
    return true;
}

// Until `t`, or until somebody calls wake(): then the caller looks at its condition again.
task<command_run::woken> command_run::pause_until(steady_time t)
{
    using namespace asio::experimental::awaitable_operators;
    bool notified = false;
    for (;;) {
        notice_jump();
        if (order_ == order::drain)
            co_return woken::draining;
        if (attempt_.may_be_ended() && context_->cancelled && !context_->started)
            co_return woken::cancelled;
        if (attempt_.may_be_ended() && order_ == order::drop)
            co_return woken::dropped;
        const auto now = services_.time.now();
        if (attempt_.time_may_end_it() && now >= context_->deadline)
            co_return woken::deadline;
        if (notified || now >= t)
            co_return woken::elapsed;
        const auto until = attempt_.time_may_end_it() ? std::min(t, context_->deadline) : t;
        const auto first = co_await (services_.time.sleep_for(until - now) || wake_.wait());
        notified = first.index() == 1;
    }
}

// Until `t`, whoever calls wake() before; or, once somebody does, until `enough` is true.
task<std::optional<ending>> command_run::rest_until(steady_time t, std::function<bool()> enough)
{
    permit_.release();
    for (;;) {
        auto over = ended_by(co_await pause_until(t));
        if (over || services_.time.now() >= t || (enough && enough()))
            co_return over;
    }
}

bool command_run::holds(std::size_t bytes)
{
    const auto came_with = context_->memory.held() - std::exchange(held_, 0);
    const bool granted = context_->memory.resize(came_with + bytes);
    held_ = context_->memory.held() - came_with;
    return granted;
}

task<std::optional<ending>> command_run::wait_for_wake()
{
    const stay in_line(*this, waiting::in_line);
    co_return ended_by(co_await pause_until(steady_time::max()));
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
            return ending::suspended();
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
    if (context_->failed_with)
        return protocol::fault{
            *context_->failed_with,
            "the command's time passed; its last try, before a restart of the agent, failed so",
            {}};
    // Begun, and nothing that tells why it failed: a restart cut the try off, or the time passed in the
    // middle of it.
    if (context_->attempts > 0)
        return protocol::fault{protocol::fault_code::exchange_unavailable,
                               "the command's time passed before a try of it was answered; Exchange does not "
                               "hold it as carried out",
                               {}};
    return protocol::fault{
        protocol::fault_code::deadline_exceeded, "the command's time passed before it could be tried", {}};
}

task<std::optional<ending>> command_run::before_try()
{
    return before_try(permit_, {});
}

task<std::optional<ending>> command_run::before_try(concurrency_limiter::permit& mine,
                                                    std::function<bool()> enough)
{
    for (;;) {
        if (enough && enough())
            co_return std::nullopt;
        const auto now = services_.time.now();
        if (auto over = ended_by(co_await pause_until(now))) {
            mine.release();
            co_return over;
        }
        // While an outcome is unknown the next step is a look-up: it does not wait for the end of an outage, but does not
        // press on where Exchange asked for a pause.
        const bool unknown = outcome_is_unknown();
        const bool repeated = failed_before_ && !retry_now_ && !unknown;
        const auto earliest = services_.gate.earliest_start(mailbox_, repeated);
        if (earliest > now) {
            mine.release();
            const stay pausing(*this, waiting::for_time);
            if (auto over = ended_by(co_await pause_until(earliest)))
                co_return over;
            continue;
        }
        if (!mine.is_granted()) {
            if (!mine.waits())
                mine = services_.limiter.acquire(mailbox_, context_->kind, [this] { wake_.notify(); });
            if (!mine.is_granted()) {
                const stay in_turn(*this, waiting::for_permit);
                if (auto over = ended_by(co_await pause_until(steady_time::max()))) {
                    mine.release();
                    co_return over;
                }
            }
            continue; // things may have changed while it waited
        }
        retry_now_ = false;
        if (auto over = unknown ? std::nullopt : forbidden()) {
            mine.release();
            co_return over;
        }
        services_.gate.may_start(mailbox_, repeated, now);
        try_began_ = services_.time.now();
        attempt_.starts(try_began_);
        co_return std::nullopt;
    }
}

bool command_run::may_start_now() const
{
    const auto now = services_.time.now();
    return order_ == order::go_on && !(context_->cancelled && !context_->started) &&
           now < context_->deadline && services_.gate.earliest_start(mailbox_, failed_before_) <= now &&
           policy_allows().has_value();
}

void command_run::starts()
{
    context_->started = true;
    try_began_ = services_.time.now();
    count_attempt();
}

protocol::checked<void> command_run::policy_allows() const
{
    const auto& operation = **context_->operation;
    auto allowed = services_.policy.allows(context_->op, operation);
    const auto* host = operation.mailbox();
    if (allowed.has_error() || host == nullptr)
        return allowed;
    return exchange_access::allows_invited(services_.policy, services_.recipients, operation.invites(), *host,
                                           services_.time.now());
}

std::vector<mailbox_address> command_run::strangers() const
{
    return exchange_access::strangers(services_.policy, services_.recipients,
                                      (*context_->operation)->invites(), services_.time.now());
}

std::optional<ending> command_run::forbidden()
{
    const auto allowed = policy_allows();
    return allowed.has_error() ? std::optional(denied(allowed.error())) : std::nullopt;
}

std::optional<ending> command_run::forbidden_to_tell(const std::vector<protocol::attendee>& attendees) const
{
    const auto allowed = services_.policy.allows_attendees(attendees);
    return allowed.has_error() ? std::optional(denied(allowed.error())) : std::nullopt;
}

std::optional<ending> command_run::over_the_rate(std::size_t invitations)
{
    const auto* host = (*context_->operation)->mailbox();
    if (invitations_counted_ || invitations == 0 || host == nullptr)
        return std::nullopt;
    const auto may = services_.invitations.take(*host, static_cast<std::int64_t>(invitations),
                                                services_.policy.most_invitations(), services_.time.now(),
                                                services_.time.utc_now());
    if (may.has_error())
        return denied(may.error());
    invitations_counted_ = true;
    return std::nullopt;
}

ending command_run::denied(protocol::fault why) const
{
    if (attempt_.is_partly_applied())
        why.message += rest_is_changed;
    return ending{std::move(why)};
}

task<std::optional<ending>> command_run::after_failure(ews::error e)
{
    return after_failure(std::move(e), permit_);
}

task<std::optional<ending>> command_run::after_failure(ews::error e, concurrency_limiter::permit& mine)
{
    const bool ends = attempt_.is_final(e) || (is_read() && e.retry_action == ews::retry_action::sign_in);
    co_return co_await pause_after(std::move(e), mine, ends);
}

task<std::optional<ending>> command_run::before_look_up(ews::error e)
{
    co_return co_await pause_after(std::move(e), permit_, false);
}

task<std::optional<ending>> command_run::pause_after(ews::error e, concurrency_limiter::permit& mine,
                                                     bool ends)
{
    const auto now = services_.time.now();
    if (e.retry_action == ews::retry_action::back_off)
        services_.limiter.too_much(mine, e.whole_server);
    mine.release();
    services_.gate.failed(e, mailbox_, now, services_.time.utc_now(), try_began_);
    // Exchange's own words may name people: its code says enough.
    unnamed.debug(services_.log, subject_of(*context_), "{} {}: {} ({})", context_->op, context_->id,
                  e.fault.exchange.empty() ? e.fault.message : e.fault.exchange,
                  protocol::name(e.fault.code));
    failed_before_ = true;
    attempt_.try_failed();
    // While an outcome is unknown even a permanent refusal of the look-up proves nothing about it: go on
    // looking, at least until the write has settled and the command's time is over.
    if (ends && (!outcome_is_unknown() || (settled() && deadline_passed())))
        co_return ending{std::move(e.fault)};
    auto delay = pace_.next();
    if (e.retry_action == ews::retry_action::back_off)
        delay = std::max(delay, services_.gate.earliest_start(mailbox_, false) - now);
    last_error_ = std::move(e);
    // No further try fits in: say so now instead of at the deadline.
    if (attempt_.time_may_end_it() && now + delay >= context_->deadline)
        co_return ending{deadline_answer()};
    // The end of an outage ends the pause; another command's failure does not, or two that look up their outcomes would
    // keep each other awake.
    std::function<bool()> enough = [this] {
        return retry_now_ || services_.gate.state() != server_state::unreachable;
    };
    const stay pausing(*this, waiting::for_time);
    co_return co_await rest_until(now + delay, std::move(enough));
}

void command_run::succeeded()
{
    succeeded(permit_);
}

void command_run::succeeded(const concurrency_limiter::permit& mine)
{
    services_.limiter.went_well(mine);
    services_.gate.succeeded(services_.time.now(), services_.time.utc_now());
}

duration command_run::request_limit() const
{
    if (!is_read())
        return limits_.request;
    return std::clamp(context_->deadline - services_.time.now(), shortest_request, limits_.request);
}

task<command_run::try_start> command_run::begin(std::size_t invitations)
{
    if (notice_jump()) // what was found is old
        co_return try_start{};
    if (auto over = over_the_rate(invitations))
        co_return try_start{false, std::move(over)};
    const auto stored = co_await services_.store.begin(context_->id, services_.time.utc_now());
    if (stored.has_value()) {
        attempt_.begun();
        // The disk may have taken its time, or the machine.
        if (deadline_passed()) {
            auto late = co_await came_too_late();
            co_return try_start{false, std::move(late)};
        }
        if (notice_jump() && !may_be_partly_applied()) {
            attempt_.not_sent();
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
    unwritable.retry_action = ews::retry_action::retry;
    co_return co_await after_failure(std::move(unwritable));
}

task<std::optional<ending>> command_run::before_step()
{
    if (auto over = ended_by(co_await pause_until(services_.time.now())))
        co_return over;
    if (!outcome_is_unknown())
        if (auto over = forbidden())
            co_return over;
    context_->started = true;
    count_attempt();
    co_return std::nullopt;
}

task<void> command_run::retract(protocol::fault_code why)
{
    if (attempt_.changed_nothing() == attempt::stored_try::take_back)
        co_await take_back(why);
}

task<void> command_run::take_back(protocol::fault_code why)
{
    // Where this is not stored, the next start looks the try up without need: slower, never wrong.
    std::string code(protocol::name(why));
    co_await services_.store.retract(context_->id, std::move(code));
}

task<ending> command_run::came_too_late()
{
    const auto stored = attempt_.came_too_late();
    auto why = deadline_answer().error();
    const bool half_done = attempt_.is_partly_applied();
    event::write_doubtful.warn(
        services_.log, subject_of(*context_), "{} {}: its time passed before {} could leave; {} ({})",
        context_->op, context_->id, half_done ? "the second of its two requests" : "its request",
        half_done ? "the first is not undone" : "nothing was sent", protocol::name(why.code));
    if (half_done)
        why.message += rest_is_changed;
    if (stored == attempt::stored_try::take_back)
        co_await take_back(why.code);
    co_return ending{std::move(why)};
}

void command_run::outcome_unknown(const ews::error& e)
{
    const bool final = attempt_.is_final(e);
    attempt_.outcome_unknown(e, final, services_.time.now());
}

std::optional<ending> command_run::never_arrived()
{
    auto refused = attempt_.absent();
    return refused ? std::optional(ending(*std::move(refused))) : std::nullopt;
}

task<std::optional<ending>> command_run::wait_to_settle()
{
    return rest_until(std::min(services_.time.now() + between_looks, attempt_.settles_at()));
}

task<std::optional<ending>> command_run::wait_for_sight()
{
    return rest_until(services_.time.now() + lag_of(limits_));
}

void command_run::drain()
{
    order_ = order::drain;
    wake_.notify();
}

admin_request command_run::retry_now()
{
    if (order_ == order::drain)
        return admin_request::draining;
    if (waits_ == waiting::in_line)
        return admin_request::waits_for_earlier;
    if (waits_ != waiting::for_time)
        return admin_request::under_way;
    const auto now = services_.time.now();
    if (services_.gate.earliest_start(mailbox_, false) > now)
        return admin_request::paused;
    retry_now_ = true;
    wake_.notify();
    return admin_request::granted;
}

admin_request command_run::drop()
{
    if (order_ == order::drain)
        return admin_request::draining;
    if (outcome_is_unknown() || may_be_partly_applied())
        return admin_request::outcome_unknown;
    if (context_->redelivered)
        return admin_request::redelivered;
    if (waits_ == waiting::for_nothing)
        return admin_request::under_way;
    order_ = order::drop; // whoever waits so looks at it before anything else
    wake_.notify();
    return admin_request::granted;
}

} // namespace relay::commands
