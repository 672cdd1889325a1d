#include "agent/uplink/uplink.hpp"

#include "agent/uplink/session.hpp"
#include "agent/uplink/wording.hpp"
#include "common/log_event/log_event.hpp"

#include <boost/asio/this_coro.hpp>
#include <spdlog/spdlog.h>

namespace relay::uplink {
namespace {

using reason = session_end::reason;

task<bool> cancelled()
{
    const auto mine = co_await asio::this_coro::cancellation_state;
    co_return mine.cancelled() != asio::cancellation_type::none;
}

std::int64_t in_ms(duration d)
{
    return std::chrono::duration_cast<milliseconds>(d).count();
}

} // namespace

std::string_view name(link_state s) noexcept
{
    switch (s) {
    case link_state::connecting:
        return "connecting";
    case link_state::connected:
        return "connected";
    case link_state::backoff:
        return "backoff";
    case link_state::rejected:
        return "rejected";
    case link_state::stopped:
        return "stopped";
    }
    return "unknown";
}

uplink::uplink(asio::any_io_executor executor, parts p, hello_facts facts, std::uint64_t seed,
               uplink_limits limits)
    : executor_(executor),
      parts_(p),
      facts_(std::move(facts)),
      limits_(limits),
      policy_(seed),
      request_(executor),
      up_(executor)
{
    status_.since = parts_.time.utc_now();
}

uplink::~uplink() = default;

task<void> uplink::run()
{
    co_await asio::this_coro::throw_if_cancelled(
        false); // a cancel is looked for below, where nothing is half done
    while (!stopping_) {
        reconnect_ = false;
        const auto end = co_await take_turn();
        const bool gone = co_await cancelled();
        if (stopping_ || gone)
            break;
        const auto wait = plan(end);
        if (!co_await rest(wait))
            break;
    }
    parts_.inbox.close();
    enter(link_state::stopped);
}

// One attempt: dials, introduces, serves. Whatever it opened is closed when it returns.
task<session_end> uplink::take_turn()
{
    using namespace asio::experimental::awaitable_operators;
    enter(link_state::connecting);
    auto dialled = co_await (dial() || requested());
    if (dialled.index() == 1)
        co_return session_end{.why = reason::asked};
    auto& reached = std::get<0>(dialled);
    if (reached.has_error())
        co_return session_end{.failure = std::move(reached).error()};
    const auto link = *std::move(reached);
    const bool gone = co_await cancelled(); // while the dial was ending: nothing would end the next wait
    if (gone)
        co_return session_end{.why = reason::asked};

    session talk(executor_, *link, parts_, limits_);
    auto begun = co_await (talk.begin(facts_) || too_late(*link) || requested_on(*link));
    if (begun.index() == 1) {
        parts_.dialer.judge(link_verdict::silent);
        co_return session_end{
            .failure = {step::welcome, asio::error::timed_out, where() + " sends no `welcome`"}};
    }
    if (begun.index() == 2)
        co_return session_end{.why = reason::asked};
    auto& word = std::get<0>(begun);
    if (word.has_error() && word.error().why == reason::lost)
        parts_.dialer.judge(link_verdict::silent);
    if (word.has_error()) {
        co_await part(*link, word.error().why);
        co_return std::move(word).error();
    }

    auto welcome = *std::move(word);
    session_ = &talk;
    // What was asked for while the wait for `welcome` was ending reached no session yet.
    if (stopping_)
        talk.stop();
    else if (reconnect_)
        talk.reconnect();
    parts_.dialer.judge(link_verdict::works);
    went_up(printable(welcome.session));
    auto end = co_await talk.serve(std::move(welcome));
    if (end.why == reason::lost && end.failure.code == errc::link_dead)
        parts_.dialer.judge(link_verdict::silent);
    keep_round_trip();
    session_ = nullptr;
    co_return end;
}

task<outcome<link_ptr>> uplink::dial()
{
    try {
        co_return co_await parts_.dialer.connect();
    } catch (const boost::system::system_error&) {
        throw; // a cancel
    } catch (const std::exception& bug) {
        // operator|| waits for a branch that succeeds: a bug in here must not leave us waiting for ever.
        event::internal_fault.error(parts_.log, "connecting broke off: {}", bug.what());
        co_return failed{step::settings, asio::error::fault,
                         std::string("connecting broke off: ") + bug.what()};
    }
}

// A link that came to nothing is closed in form where the cloud is still there to see it.
task<void> uplink::part(link& l, session_end::reason why)
{
    using namespace asio::experimental::awaitable_operators;
    const auto patience = [&]() -> task<void> {
        const auto ec = co_await parts_.time.sleep_for(limits_.close);
        if (!ec.failed())
            l.abort();
    };
    if (why == reason::renewed || why == reason::rejected)
        co_await (l.close(close_code::normal, "reconnect") || patience());
    l.abort();
}

// The two ways a wait for `welcome` is cut short. Each drops the link itself, so that whatever hangs on it ends.
task<error_code> uplink::too_late(link& l)
{
    const auto ec = co_await parts_.time.sleep_for(limits_.welcome);
    if (!ec.failed())
        l.abort();
    co_return ec;
}

task<error_code> uplink::requested_on(link& l)
{
    const auto ec = co_await requested();
    if (!ec.failed())
        l.abort();
    co_return ec;
}

// Returns when stop() or reconnect() was called.
task<error_code> uplink::requested()
{
    while (!stopping_ && !reconnect_)
        if (const auto ec = co_await request_.wait(); ec.failed())
            co_return ec;
    co_return error_code();
}

// How long to wait before the next attempt, and what the log and the status say about the last one.
duration uplink::plan(const session_end& end)
{
    switch (end.why) {
    case reason::lost: {
        const auto wait = policy_.after_failure(end.up_for);
        went_down(end);
        enter(link_state::backoff);
        return wait;
    }
    case reason::rejected: {
        const auto wait = policy_.after_reject(end.rejection.retry_after);
        rejected(end.rejection, wait);
        return wait;
    }
    case reason::drained: {
        const auto wait = policy_.after_drain(end.wait, end.up_for);
        event::link_drained.info(parts_.log, "the cloud drained the link; connecting again in {} ms",
                                 in_ms(wait));
        enter(link_state::backoff);
        return wait;
    }
    case reason::renewed:
        if (!end.failure.message.empty())
            status_.last_error = end.failure.message;
        enter(link_state::backoff);
        return policy_.after_failure();
    case reason::asked:
    case reason::stopped:
        break;
    }
    return duration::zero();
}

// False where run() is being cancelled or stopped.
task<bool> uplink::rest(duration length)
{
    using namespace asio::experimental::awaitable_operators;
    if (length > duration::zero() && !reconnect_)
        co_await (parts_.time.sleep_for(length) || requested());
    const bool gone = co_await cancelled();
    co_return !stopping_ && !gone;
}

void uplink::stop()
{
    stopping_ = true;
    if (session_)
        session_->stop();
    request_.notify();
}

void uplink::reconnect()
{
    reconnect_ = true;
    if (session_)
        session_->reconnect();
    request_.notify();
}

task<error_code> uplink::connected()
{
    while (status_.state != link_state::connected)
        if (const auto ec = co_await up_.wait(); ec.failed())
            co_return ec;
    co_return error_code();
}

// ---- what others see ----

const link_status& uplink::status() const noexcept
{
    keep_round_trip();
    return status_;
}

void uplink::keep_round_trip() const noexcept
{
    if (!session_)
        return;
    if (const auto rtt = session_->round_trip())
        status_.rtt = std::chrono::round<milliseconds>(*rtt);
}

void uplink::enter(link_state s)
{
    if (status_.state == s)
        return;
    status_.state = s;
    status_.since = parts_.time.utc_now();
    status_.url = parts_.dialer.url();
    if (s == link_state::connected)
        up_.notify();
    if (changed_)
        changed_(status());
}

// "wss://relay.example/v1/connect (192.0.2.7)"
std::string uplink::where() const
{
    const auto address = parts_.dialer.address();
    return parts_.dialer.url() + (address.empty() ? "" : " (" + address + ")");
}

void uplink::went_up(std::string session)
{
    status_.session = std::move(session);
    status_.rtt.reset();
    if (sessions_++ > 0)
        ++status_.reconnects;
    rejected_as_.clear();
    parts_.inbox.session_began(status_.session);
    if (std::exchange(outage_, false))
        event::link_up.info(
            parts_.log, "connected to {} again, session {}, after {} ms and {} attempts that failed", where(),
            status_.session, in_ms(parts_.time.now() - outage_since_), outage_attempts_);
    else
        event::link_up.info(parts_.log, "connected to {}, session {}", where(), status_.session);
    enter(link_state::connected);
}

void uplink::went_down(const session_end& end)
{
    const auto& why = end.failure;
    status_.last_error = why.message;
    const bool news = !std::exchange(outage_, true);
    if (news) {
        outage_since_ = parts_.time.now();
        outage_attempts_ = 0;
    }
    outage_attempts_ += end.was_up ? 0 : 1;
    if (!news && rejected_as_.empty())
        parts_.log.debug("still no link ({}): {}", name(why.at), why.message);
    else if (end.was_up)
        event::link_down.warn(parts_.log, "lost the link to the cloud: {}; trying again until it is back",
                              why.message);
    else
        event::link_down.warn(parts_.log, "no link to the cloud: {}; trying again until there is one",
                              why.message);
    rejected_as_.clear();
}

void uplink::rejected(const protocol::reject& r, duration wait)
{
    const auto code = printable(r.code);
    status_.last_error = "the cloud rejects this agent: " + code + " " + printable(r.message);
    if (rejected_as_ != code) {
        const auto level =
            code == "try_later" ? spdlog::level::warn : spdlog::level::err; // the others need a human
        event::link_rejected.say(parts_.log, level, "{}; asking again every {} s", status_.last_error,
                                 in_ms(wait) / 1000);
    }
    rejected_as_ = code;
    if (!std::exchange(outage_, true)) {
        outage_since_ = parts_.time.now();
        outage_attempts_ = 0;
    }
    ++outage_attempts_;
    enter(link_state::rejected);
}

} // namespace relay::uplink
