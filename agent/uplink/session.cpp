#include "agent/uplink/session.hpp"

#include "agent/protocol/codec.hpp"
#include "agent/uplink/crash_points.hpp"
#include "agent/uplink/heartbeat.hpp"
#include "agent/uplink/wording.hpp"
#include "common/crash_point/crash_point.hpp"
#include "common/log_event/log_event.hpp"
#include "common/time/backoff.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace relay::uplink {
namespace {

constexpr std::size_t most_unknown_types = 32; // logged in a session
constexpr int most_problems = 32;              // the same
// Either way, whatever max_message_bytes says: the largest legal command, every character of it escaped, is some 3 MiB.
constexpr std::size_t most_frame_bytes = 4 * 1024 * 1024;
constexpr backoff::limits store_retry{.first = 500ms, .cap = 10s};

template <class... F>
struct overloaded : F... {
    using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>; // clang 14 cannot do without

// Events, reads that were kept while the link was down, and results that the history has forgotten; empty: none.
std::string lost_messages(const store::owed_again& again)
{
    if (again.lost_messages == 0)
        return {};
    std::string numbers;
    std::int64_t named = 0;
    for (const auto& [first, last] : again.lost) {
        numbers += (numbers.empty() ? "" : ", ") + std::to_string(first);
        if (last != first)
            numbers += "-" + std::to_string(last);
        named += last - first + 1;
    }
    if (named < again.lost_messages)
        numbers += " and " + std::to_string(again.lost_messages - named) + " more";
    return "messages " + numbers +
           " cannot be sent again (events, and results that are forgotten): the cloud has to " +
           "look with event.get; watched mailboxes are told anew";
}

} // namespace

session::session(asio::any_io_executor executor, link& l, const uplink::parts& p, const uplink_limits& limits)
    : link_(l),
      parts_(p),
      limits_(limits),
      children_(executor),
      over_(executor),
      ping_wanted_(executor),
      written_(executor)
{
}

// ---- hello and welcome ----

task<boost::system::result<protocol::welcome, session_end>> session::begin(const hello_facts& facts)
{
    const auto us = co_await parts_.store.who();
    if (us.has_error())
        co_return end{
            .failure = {step::welcome, us.error(), "the queue file cannot be read: " + us.error().message()}};
    const std::string hello = protocol::encode(
        protocol::hello{facts.agent_id, facts.agent_name, facts.agent_version, facts.os, facts.host, us->id,
                        us->next_seq, us->unacked, facts.operations, facts.window});
    crash_points({&hello, 1}, crash_moment::before);
    if (auto sent = co_await link_.write({&hello, 1}); sent.has_error())
        co_return end{.failure = sent.error()};
    crash_points({&hello, 1}, crash_moment::after);
    end rejected{.why = end::reason::rejected};
    auto word = co_await first_word(rejected);
    if (word.has_error())
        co_return word.error().code == errc::not_found ? rejected : end{.failure = word.error()};
    if (word->time)
        parts_.outbox.clock().told(*word->time);
    if (word->ack > parts_.outbox.sent(*us))
        co_return co_await renew(*word, *us);
    if (word->ack < us->acked())
        co_return co_await owe_again(*word, *us);
    co_return *std::move(word);
}

// The cloud holds what this store never sent: an old copy of the data folder has come back to life. Its own next numbers may
// have passed the cloud's meanwhile: so it is asked what can have been sent, and not what there is.
task<session_end> session::renew(const protocol::welcome& w, const store::identity& us)
{
    event::old_copy_found.warn(
        parts_.log,
        "the cloud has message {} of this store, which has sent {} at most, and whose next is {}: the "
        "data folder is an old copy. It gets a new identity, and what it owes is sent again",
        w.ack, parts_.outbox.sent(us), us.next_seq);
    const auto anew = co_await parts_.store.renew();
    if (anew.has_error())
        co_return end{.failure = {step::welcome, anew.error(),
                                  "the queue file cannot be renewed: " + anew.error().message()}};
    co_return end{.why = end::reason::renewed};
}

// The cloud lost what it had acknowledged: a backup of it was brought back. What the history has is sent again.
task<session_end> session::owe_again(const protocol::welcome& w, const store::identity& us)
{
    const auto said =
        fmt::format("the cloud was set back: it holds message {} of this store, and had acknowledged {}",
                    w.ack, us.acked());
    event::cloud_set_back.error(
        parts_.log, "{}; what the history still has is sent again, under a new identity of the store", said);
    const auto again = co_await parts_.store.owe_again(w.ack);
    if (again.has_error())
        co_return end{.failure = {step::welcome, again.error(),
                                  said + "; the queue file cannot be renewed: " + again.error().message()}};
    const auto gone = lost_messages(*again);
    parts_.log.log(gone.empty() ? spdlog::level::info : spdlog::level::err,
                   "{} results of writes are sent again{}{}", again->results, gone.empty() ? "" : "; ", gone);
    co_return end{
        .why = end::reason::renewed,
        .failure = {step::welcome, errc::protocol_violation, said + (gone.empty() ? "" : "; " + gone)}};
}

// errc::not_found: it was a reject, now in `rejected`.
task<outcome<protocol::welcome>> session::first_word(end& rejected)
{
    for (;;) {
        auto frame = co_await link_.read();
        if (frame.has_error())
            co_return frame.error();
        auto message = protocol::decode(*frame);
        if (message.has_error()) {
            const std::string answer = protocol::encode(message.error());
            if (auto sent = co_await link_.write({&answer, 1}); sent.has_error())
                co_return sent.error();
        } else if (auto* welcome = std::get_if<protocol::welcome>(&*message)) {
            co_return std::move(*welcome);
        } else if (auto* reject = std::get_if<protocol::reject>(&*message)) {
            rejected.rejection = std::move(*reject);
            co_return failed{step::welcome, errc::not_found, {}};
        } else if (const auto* unknown = std::get_if<protocol::unknown_type>(&*message)) {
            note_unknown(unknown->type);
        } else if (const auto* problem = std::get_if<protocol::problem>(&*message)) {
            note_problem(*problem);
        } else {
            co_return failed{step::welcome, errc::protocol_violation,
                             parts_.dialer.url() + " sends other messages before `welcome`"};
        }
    }
}

// ---- serving ----

task<session_end> session::serve(protocol::welcome w)
{
    crash_point("take.welcome", crash_moment::before);
    up_since_ = last_write_ = parts_.time.now();
    serving_ = true;
    const auto most = std::min(w.max_message_bytes, most_frame_bytes);
    link_.limit_frames(most);
    parts_.outbox.link_up(w.ack, most);
    crash_point("take.welcome", crash_moment::after);
    children_.spawn(guarded(read_frames()));
    children_.spawn(guarded(write_frames()));
    children_.spawn(guarded(keep_alive(w.heartbeat)));
    children_.spawn(guarded(send_pings()));

    if (stop_asked_)
        stop();
    else if (reconnect_asked_)
        reconnect();

    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false); // whatever happens, the children end before us
    while (!end_) {
        // Looked at first: a cancel that came before this wait does not end it.
        const auto mine = co_await asio::this_coro::cancellation_state;
        if (mine.cancelled() != asio::cancellation_type::none)
            finish({.failure = {step::serving, asio::error::operation_aborted, "the agent is stopping"}});
        else
            co_await over_.wait();
    }
    const auto up_for = parts_.time.now() - up_since_;
    co_await tear_down();
    co_await asio::this_coro::throw_if_cancelled(throws);
    end_->up_for = up_for;
    end_->was_up = true;
    co_return *std::move(end_);
}

// Runs on a coroutine of its own, so that a cancel of ours cannot cut it short. Bounded: abort() ends what hangs on the
// link, and the store answers or fails.
task<void> session::tear_down()
{
    const auto executor = co_await asio::this_coro::executor;
    link_.abort();
    children_.stop();
    const auto down = [this]() -> task<void> {
        co_await asio::this_coro::throw_if_cancelled(false);
        std::exception_ptr bug;
        try {
            co_await children_.join();
        } catch (...) {
            bug = std::current_exception();
        }
        co_await parts_.outbox.link_down();
        if (bug)
            std::rethrow_exception(bug);
    };
    co_await asio::co_spawn(executor, down(), asio::use_awaitable);
}

task<void> session::guarded(task<void> child)
{
    try {
        co_await std::move(child);
    } catch (...) {
        // A cancel, or a bug that join() will rethrow: either way serve() must not go on waiting.
        finish({.failure = {step::serving, asio::error::operation_aborted, "the session broke off"}});
        throw;
    }
}

task<void> session::read_frames()
{
    for (;;) {
        auto frame = co_await link_.read();
        if (frame.has_error()) {
            lost(std::move(frame).error());
            co_return;
        }
        take(*frame);
        held_back_ = true;
        const auto ec = co_await parts_.outbox.room();
        held_back_ = false;
        if (ec.failed())
            co_return;
    }
}

task<void> session::write_frames()
{
    std::vector<std::string> batch;
    backoff retry(store_retry, 1);
    for (;;) {
        auto first = co_await parts_.outbox.next();
        if (first.has_error()) {
            if (first.error() == asio::error::operation_aborted)
                co_return;
            // The outbox has logged it; what is stored stays stored.
            if (const auto ec = co_await parts_.time.sleep_for(retry.next()); ec.failed())
                co_return;
            continue;
        }
        retry.reset();
        writing_ = true;
        auto bytes = first->size();
        batch.push_back(*std::move(first));
        while (batch.size() < limits_.batch_frames && bytes < limits_.batch_bytes && parts_.outbox.ready()) {
            auto more = co_await parts_.outbox.next();
            if (more.has_error())
                break;
            bytes += more->size();
            batch.push_back(*std::move(more));
        }
        crash_points(batch, crash_moment::before);
        auto sent = co_await link_.write(batch);
        crash_points(batch, crash_moment::after);
        writing_ = false;
        written_.notify();
        last_write_ = parts_.time.now();
        batch.clear();
        if (sent.has_error()) {
            lost(std::move(sent).error());
            co_return;
        }
    }
}

task<void> session::keep_alive(duration interval)
{
    heartbeat beat(interval, parts_.time.now());
    for (;;) {
        const auto [what, wait] = beat.next(parts_.time.now(), last_sign());
        if (what == heartbeat::action::dead) {
            const auto silence =
                std::chrono::duration_cast<std::chrono::seconds>(2 * beat.interval()).count();
            lost({step::serving, errc::link_dead,
                  "nothing arrived from " + parts_.dialer.url() + " for " + std::to_string(silence) + " s"});
            co_return;
        }
        if (what == heartbeat::action::ping) {
            ping_due_ = true;
            ping_wanted_.notify();
        }
        if (const auto ec = co_await parts_.time.sleep_for(wait); ec.failed())
            co_return;
    }
}

// Apart from keep_alive(), which must go on counting where a ping cannot leave because the peer does not read.
task<void> session::send_pings()
{
    for (;;) {
        while (!ping_due_)
            if (const auto ec = co_await ping_wanted_.wait(); ec.failed())
                co_return;
        ping_due_ = false;
        if (const auto sent = co_await link_.ping(); sent.has_error())
            co_return; // the reader sees the same failure, and tells it better
    }
}

steady_time session::last_sign() const noexcept
{
    // While we do not read, arrivals cannot show; that the peer takes what we write is the sign of life then.
    return held_back_ ? std::max(link_.last_arrival(), last_write_) : link_.last_arrival();
}

// ---- what the cloud says ----

void session::take(std::string_view frame)
{
    auto message = protocol::decode(frame);
    if (message.has_value())
        crash_points(*message, crash_moment::before);
    if (message.has_error()) {
        parts_.log.debug("answering a frame with a problem: {}", message.error().message);
        parts_.outbox.reply(protocol::encode(message.error()));
    } else if (auto* command = std::get_if<protocol::command>(&*message)) {
        parts_.inbox.offer(std::move(*command), frame.size());
    } else if (const auto* ack = std::get_if<protocol::ack>(&*message)) {
        parts_.outbox.acknowledge(ack->seq);
    } else {
        take_other(*message);
    }
    if (message.has_value())
        crash_points(*message, crash_moment::after);
}

void session::take_other(const protocol::inbound& message)
{
    std::visit(overloaded{
                   [&](const protocol::cancel& c) { parts_.inbox.cancel(c.id); },
                   [&](const protocol::drain& d) {
                       depart({.why = end::reason::drained, .wait = d.reconnect_after}, limits_.deliver);
                   },
                   [&](const protocol::reject& r) { finish({.why = end::reason::rejected, .rejection = r}); },
                   [&](const protocol::problem& p) { note_problem(p); },
                   [&](const protocol::unknown_type& u) { note_unknown(u.type); },
                   [&](const protocol::welcome&) { note_unknown("welcome"); }, // a second one changes nothing
                   [](const protocol::command&) {},
                   [](const protocol::ack&) {},
               },
               message);
}

void session::note_unknown(const std::string& type)
{
    auto shown = printable(type);
    if (unknown_.size() < most_unknown_types && unknown_.insert(shown).second)
        parts_.log.info("ignoring messages of type \"{}\" from the cloud", shown);
}

void session::note_problem(const protocol::problem& p)
{
    if (problems_++ < most_problems)
        event::cloud_problem.warn(parts_.log, "the cloud reports a problem: {} {} {}", printable(p.code),
                                  printable(p.id), printable(p.message));
}

// ---- the way out ----

void session::stop()
{
    stop_asked_ = true;
    if (!serving_ || end_ || (leaving_ && leaving_->why == end::reason::stopped))
        return;
    // In line with everything else, and before the first refusal it explains.
    parts_.outbox.reply(protocol::encode_goodbye("shutdown"));
    parts_.inbox.close();
    depart({.why = end::reason::stopped}, limits_.drain);
}

void session::reconnect()
{
    reconnect_asked_ = true;
    if (serving_ && !leaving_)
        depart({.why = end::reason::asked}, limits_.deliver);
}

void session::depart(end how, duration limit)
{
    // A shutdown overrides what was begun before; nothing else does.
    if (end_ || (leaving_ && how.why != end::reason::stopped))
        return;
    leaving_ = how;
    children_.spawn(guarded(leave(std::move(how), limit)));
}

task<void> session::leave(end how, duration limit)
{
    using namespace asio::experimental::awaitable_operators;
    const auto first =
        co_await (until_quiet(how.why == end::reason::stopped) || parts_.time.sleep_for(limit));
    const auto ec = first.index() == 0 ? std::get<0>(first) : std::get<1>(first);
    if (ec.failed() || leaving_->why != how.why) // cancelled, or overridden
        co_return;
    // 1001 is what a shutdown and the cloud's own drain end with; a link that we exchange for a new one ends normally.
    const bool ours = how.why == end::reason::asked;
    co_await hang_up(ours ? close_code::normal : close_code::going_away,
                     how.why == end::reason::stopped ? "shutdown" : "reconnect");
    finish(std::move(how));
}

// Until everything that is owed is written; `drained`: and no command is open that will owe something.
task<error_code> session::until_quiet(bool drained)
{
    error_code ec;
    while (!ec.failed()) {
        if (drained && parts_.inbox.open() > 0)
            ec = co_await parts_.inbox.until_empty();
        else if (!parts_.outbox.idle())
            ec = co_await parts_.outbox.until_idle();
        else if (writing_)
            ec = co_await written_.wait();
        else
            break;
    }
    co_return ec;
}

task<void> session::hang_up(close_code code, std::string reason)
{
    using namespace asio::experimental::awaitable_operators;
    // Not with_timeout: a peer that does not read holds up the close until the connection is dropped.
    const auto patience = [this]() -> task<void> {
        const auto ec = co_await parts_.time.sleep_for(limits_.close);
        if (!ec.failed())
            link_.abort();
    };
    co_await (link_.close(code, std::move(reason)) || patience());
}

void session::lost(failed why)
{
    // On the way out the end of the link is what we wanted, or at least no news.
    if (leaving_)
        finish(*leaving_);
    else
        finish({.failure = std::move(why)});
}

void session::finish(end how)
{
    if (end_)
        return;
    end_ = std::move(how);
    over_.notify();
}

} // namespace relay::uplink
