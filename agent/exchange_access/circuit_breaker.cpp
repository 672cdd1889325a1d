#include "agent/exchange_access/circuit_breaker.hpp"

#include "agent/ews/reasons.hpp"
#include "common/log_event/log_event.hpp"

#include <spdlog/logger.h>

#include <algorithm>

namespace relay::exchange_access {
namespace {

constexpr backoff::limits probe_limits{500ms, 30s};
constexpr duration longest_probe = 60s; // a probe that is not back by then no longer holds up the next one
constexpr std::size_t most_paused_mailboxes = 10'000;
// Exchange has been seen to ask for 320 s. Whatever it says, it is asked again after so long.
constexpr milliseconds longest_pause = 10min;
// Nobody comes back before the time that Exchange named, and not everybody at the very end of it.
constexpr int jitter_divisor = 8;
constexpr milliseconds longest_jitter = 10s;

} // namespace

bool is_outage(const ews::error& e) noexcept
{
    // With a ResponseCode Exchange did answer: what ails is one mailbox (it moves, its store is away), not the server.
    return !e.of_mailboxes && e.retry_action == ews::retry_action::retry &&
           e.fault.code == protocol::fault_code::exchange_unavailable && e.fault.exchange.empty();
}

std::string_view name(server_state s) noexcept
{
    switch (s) {
    case server_state::unknown:
        return "unknown";
    case server_state::ok:
        return "ok";
    case server_state::unreachable:
        return "unreachable";
    case server_state::auth_failed:
        return "auth_failed";
    case server_state::busy:
        return "busy";
    }
    return "unknown";
}

circuit_breaker::circuit_breaker(std::uint64_t seed, std::function<void()> changed, spdlog::logger& log)
    : changed_(std::move(changed)),
      log_(log),
      probe_pace_(probe_limits, seed),
      random_(seed)
{
}

steady_time circuit_breaker::earliest_start(const std::string& mailbox, bool repeated) const
{
    auto earliest = server_paused_until_;
    if (const auto paused = mailbox_paused_until_.find(mailbox); paused != mailbox_paused_until_.end())
        earliest = std::max(earliest, paused->second);
    if (repeated && state_ == server_state::unreachable)
        earliest = std::max(earliest, next_probe_);
    return earliest;
}

steady_time circuit_breaker::may_start(const std::string& mailbox, bool repeated, steady_time now)
{
    const auto earliest = earliest_start(mailbox, repeated);
    if (earliest <= now && repeated && state_ == server_state::unreachable)
        next_probe_ = now + longest_probe; // this caller is the probe; its outcome sets the next one's time
    return earliest;
}

void circuit_breaker::succeeded(steady_time now, utc_time wall)
{
    last_heard_ = last_success_ = now;
    if (state_ == server_state::ok)
        return;
    const auto before = state_;
    if (before == server_state::busy && server_paused_until_ > now)
        return; // a request from before the pause came back
    change(server_state::ok, wall);
    last_error_.clear();
    probe_pace_.reset();
    if (before != server_state::unknown)
        event::exchange_up.info(log_, "exchange: answers again after {} ms, in which {} requests failed",
                                std::chrono::duration_cast<milliseconds>(now - trouble_since_).count(),
                                failures_);
    changed_();
}

void circuit_breaker::failed(const ews::error& e, const std::string& mailbox, steady_time now, utc_time wall,
                             std::optional<steady_time> began)
{
    // A free/busy request that is not answered tells nothing: the idle probe asks on in its place.
    if (!e.of_mailboxes || !e.fault.exchange.empty())
        last_heard_ = now;
    // A ResponseCode comes from Exchange itself, which is back, then: the next one asks soon. It is no success, as with some
    // mailboxes answered and others not, commands would wake each other without end.
    if (state_ == server_state::unreachable && ews::is_from_exchange(e.fault)) {
        next_probe_ = now + probe_pace_.next();
        changed_();
    }
    if (e.retry_action == ews::retry_action::back_off) {
        last_error_ = e.fault.message;
        if (e.whole_server) {
            note_trouble(now);
            // Its web server may say how long it will be away.
            const bool away = e.fault.code == protocol::fault_code::exchange_unavailable;
            const auto to = away ? server_state::unreachable : server_state::busy;
            if (state_ != to && away)
                event::exchange_busy.warn(log_, "exchange: {}; pausing {} ms", e.fault.message,
                                          e.back_off.count());
            else if (state_ != to)
                event::exchange_busy.warn(log_, "exchange: throttles the service account; pausing {} ms",
                                          e.back_off.count());
            change(to, wall);
            server_paused_until_ = std::max(server_paused_until_, now + pause_of(e.back_off));
            if (away) {
                next_probe_ = server_paused_until_;
                changed_(); // who waited for this probe may be the next one
            }
            return;
        }
        if (mailbox_paused_until_.size() >= most_paused_mailboxes)
            std::erase_if(mailbox_paused_until_, [&](const auto& entry) { return entry.second <= now; });
        if (mailbox_paused_until_.size() < most_paused_mailboxes) {
            auto& until = mailbox_paused_until_[mailbox];
            until = std::max(until, now + pause_of(e.back_off));
        }
        return;
    }
    if (e.retry_action == ews::retry_action::sign_in) {
        note_trouble(now);
        if (state_ != server_state::auth_failed)
            event::exchange_auth_failed.error(
                log_, "exchange: {}; reads fail and writes wait until the credentials change",
                e.fault.message);
        last_error_ = e.fault.message;
        change(server_state::auth_failed, wall);
        return;
    }
    const bool is_old = began && last_success_ && *began < *last_success_;
    if (is_outage(e) && !(is_old && state_ == server_state::ok)) {
        note_trouble(now);
        if (state_ != server_state::unreachable)
            event::exchange_unreachable.warn(
                log_, "exchange: {}; writes wait, reads fail at the end of their time", e.fault.message);
        last_error_ = e.fault.message;
        change(server_state::unreachable, wall);
        next_probe_ = now + probe_pace_.next();
        changed_(); // who waited for this probe may be the next one
    }
}

duration circuit_breaker::pause_of(milliseconds asked)
{
    const auto pause = std::clamp(asked, milliseconds{0}, longest_pause);
    const auto most = std::min(longest_jitter, pause / jitter_divisor);
    return pause + milliseconds{std::uniform_int_distribution<std::int64_t>(0, most.count())(random_)};
}

// Counts a failure, from the first one of an outage on. Before change().
void circuit_breaker::note_trouble(steady_time now)
{
    if (state_ == server_state::ok || state_ == server_state::unknown) {
        trouble_since_ = now;
        failures_ = 0;
    }
    ++failures_;
}

void circuit_breaker::change(server_state to, utc_time wall)
{
    if (state_ == to)
        return;
    state_ = to;
    since_ = wall;
}

} // namespace relay::exchange_access
