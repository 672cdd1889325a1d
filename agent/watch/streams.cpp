#include "agent/watch/streams.hpp"

#include "agent/ews/reasons.hpp"
#include "agent/exchange_access/permit_wait.hpp"
#include "common/log_event/log_event.hpp"

#include <boost/asio/this_coro.hpp>
#include <spdlog/logger.h>

#include <algorithm>
#include <utility>

namespace relay::watch {
namespace {

constexpr duration longest_pause = 1h;  // then everything is looked at again
constexpr duration longest_wait = 1min; // for new members
constexpr duration goodbye_request = 1s;

// The server does not know the request, or forbids it as a whole: no mailbox fares better.
bool refuses_for_good(const ews::error& e)
{
    return e.retry_action == ews::retry_action::give_up &&
           (ews::is_unknown_request(e.fault) || ews::is_http_status(e.fault) ||
            e.fault.code == protocol::fault_code::exchange_unsupported);
}

} // namespace

streams::streams(asio::any_io_executor executor, parts p, stream_limits limits)
    : executor_(std::move(executor)),
      parts_(std::move(p)),
      limits_(limits),
      random_(parts_.seed),
      told_(executor_)
{
    for (std::size_t i = 0; i < limits_.streams; ++i)
        lines_.emplace_back(executor_, limits_, random_());
}

void streams::follow(const std::vector<mailbox_address>& wanted)
{
    std::set<std::string_view> keys;
    for (const auto& mailbox : wanted)
        keys.insert(mailbox.key());
    for (auto place = places_.begin(); place != places_.end();) {
        if (keys.contains(place->first)) {
            ++place;
            continue;
        }
        auto& l = *place->second;
        const auto gone = l.members.find(place->first);
        l.unanchored = l.unanchored || (l.group && l.group->anchor.key() == place->first);
        if (!gone->second.subscription.empty())
            l.parting.push_back(std::move(gone->second.subscription));
        l.members.erase(gone);
        l.joined.notify();
        place = places_.erase(place);
    }
    wanted_ = keys.size();
    auto room = lines_.begin();
    for (const auto& mailbox : wanted) {
        if (places_.contains(mailbox.key()))
            continue;
        while (room != lines_.end() && room->members.size() >= limits_.mailboxes_each)
            ++room;
        if (room == lines_.end())
            break;
        room->members.emplace(mailbox.key(), member{mailbox});
        places_.emplace(mailbox.key(), &*room);
        room->joined.notify();
    }
}

void streams::start_over()
{
    off_until_ = {};
    for (auto& l : lines_) {
        l.anew = true;
        l.again.reset();
        l.crowded.reset();
        l.joined.notify();
    }
}

// Forgets what was agreed with the server: there the subscriptions end by themselves within half an hour.
void streams::begin_anew(line& l)
{
    drop(l);
    l.parting.clear();
    l.anew = l.unanchored = false;
    l.unanswered = 0;
    l.ask_after = {};
    for (auto& [key, m] : l.members)
        m.retry_at = {};
}

void streams::part_with_all(line& l)
{
    for (auto& [key, m] : l.members)
        if (!m.subscription.empty())
            l.parting.push_back(std::exchange(m.subscription, {}));
}

bool streams::covers(const mailbox_address& mailbox) const
{
    const auto place = places_.find(mailbox.key());
    return place != places_.end() && place->second->open && place->second->current.contains(mailbox.key());
}

std::size_t streams::covered() const
{
    std::size_t count = 0;
    for (const auto& [key, l] : places_)
        count += l->open && l->current.contains(key) ? 1 : 0;
    return count;
}

task<void> streams::run()
{
    co_await asio::this_coro::throw_if_cancelled(false);
    task_group children(executor_);
    children.spawn(deliver());
    for (auto& l : lines_)
        children.spawn(keep(l));
    co_await children.join();
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await say_goodbye();
}

task<void> streams::keep(line& l)
{
    for (;;) {
        if (l.anew)
            begin_anew(l);
        if (l.unanchored) { // those who are left need another anchor
            close(l);
            part_with_all(l);
        }
        co_await part(l);
        if (std::exchange(l.unanchored, false))
            l.group.reset();
        auto pause = co_await subscribe_due(l);
        const bool any =
            std::ranges::any_of(l.members, [](const auto& m) { return !m.second.subscription.empty(); });
        if (any && (pause == duration::zero() || l.ask_after > parts_.time.now())) {
            pause = co_await read(l);
        } else {
            close(l);
            if (pause == duration::zero()) { // there is nobody to follow just now
                co_await wait(l, until_due(l));
                continue;
            }
        }
        if (pause > duration::zero())
            co_await rest(l, pause);
    }
}

// For so long, or until all begins anew.
task<void> streams::rest(line& l, duration length)
{
    using namespace asio::experimental::awaitable_operators;
    const auto end = parts_.time.now() + std::min(length, longest_pause);
    for (;;) {
        const auto state = co_await asio::this_coro::cancellation_state;
        const auto now = parts_.time.now();
        if (l.anew || l.unanchored || now >= end || state.cancelled() != asio::cancellation_type::none)
            co_return;
        co_await (l.joined.wait() || parts_.time.sleep_for(end - now));
    }
}

// Until there may be new members, at most so long.
task<void> streams::wait(line& l, duration most)
{
    using namespace asio::experimental::awaitable_operators;
    co_await (l.joined.wait() || parts_.time.sleep_for(std::min(most, longest_wait)));
}

// Ends subscriptions that nobody needs any more. One that cannot be ended dies by itself within half an hour.
task<void> streams::part(line& l)
{
    while (!l.parting.empty() && l.group && parts_.server_usable()) {
        const auto group = *l.group;
        if (!may_be_followed(parts_.policy, group.anchor))
            break;
        const auto subscription = std::move(l.parting.back());
        l.parting.pop_back();
        const auto permit = co_await exchange_access::acquire_permit(parts_.limiter, group.anchor.key());
        if (!permit.is_granted())
            co_return;
        const auto done = co_await parts_.server.unsubscribe(group, subscription, limits_.request);
        if (done.has_error())
            break;
    }
    l.parting.clear();
}

// Who failed comes after who has not been tried.
const streams::member* streams::next_due(const line& l) const
{
    const member* first = nullptr;
    for (const auto& [key, m] : l.members)
        if (m.subscription.empty() && (!first || m.retry_at < first->retry_at))
            first = &m;
    return first && first->retry_at <= parts_.time.now() ? first : nullptr;
}

duration streams::until_due(const line& l) const
{
    const auto now = parts_.time.now();
    duration least = longest_wait;
    for (const auto& [key, m] : l.members)
        if (m.subscription.empty())
            least = std::min(least, std::max(m.retry_at - now, duration(1ms)));
    return least;
}

// Subscribes to the members that are due, one after the other; how long to wait before anything else is asked.
task<duration> streams::subscribe_due(line& l)
{
    for (;;) {
        const auto now = parts_.time.now();
        if (l.members.empty() || l.anew || l.unanchored)
            co_return duration::zero();
        if (off_until_ > now)
            co_return off_until_ - now;
        if (!parts_.server_usable())
            co_return around(limits_.poll);
        const auto* const due = next_due(l);
        if (!due)
            co_return duration::zero();
        if (l.ask_after > now)
            co_return l.ask_after - now;
        const auto mailbox = due->mailbox; // follow() may take the member away meanwhile
        if (!l.group)
            l.group.emplace(ews::affinity{mailbox, {}});
        const auto group = *l.group;
        const auto permit = co_await exchange_access::acquire_permit(parts_.limiter, mailbox.key());
        if (!permit.is_granted())
            co_return duration::zero();
        const auto got = co_await parts_.server.subscribe(mailbox, group, limits_.request);
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            co_return duration::zero();
        if (got.has_error() && got.error().retry_action == ews::retry_action::back_off)
            parts_.limiter.too_much(permit, got.error().whole_server);
        const auto pause = note(l, mailbox, got);
        if (pause > duration::zero())
            co_return pause;
    }
}

duration streams::note(line& l, const mailbox_address& mailbox, const ews::outcome<ews::subscribed>& got)
{
    if (l.anew) // asked of what is no more
        return duration::zero();
    const auto found = l.members.find(mailbox.key());
    if (got.has_value()) {
        l.unanswered = 0;
        if (l.group && l.group->cookie.empty())
            l.group->cookie = got->cookie;
        if (found == l.members.end())
            l.parting.push_back(got->subscription);
        else
            found->second.subscription = got->subscription;
        return duration::zero();
    }
    if (std::ranges::all_of(l.members, [](const auto& m) { return m.second.subscription.empty(); }))
        l.group.reset(); // another one may be the anchor
    const auto& e = got.error();
    const auto now = parts_.time.now();
    if (refuses_for_good(e)) {
        turn_off(e);
        return limits_.refused;
    }
    if (ews::has_too_many_subscriptions(e.fault)) {
        const auto later = now + around(limits_.denied);
        for (auto& [key, m] : l.members)
            if (m.subscription.empty())
                m.retry_at = later;
        parts_.log.warn("notifications: {}; the mailboxes beyond that are polled", e.fault.message);
        return duration::zero();
    }
    if (e.retry_action == ews::retry_action::back_off && e.whole_server)
        return e.back_off + l.again.next();
    const bool nobody_answered = e.fault.exchange.empty();
    if (e.retry_action == ews::retry_action::sign_in ||
        (e.retry_action == ews::retry_action::retry && nobody_answered)) {
        const auto later = std::max<duration>(l.again.next(), limits_.again.first / 2);
        if (found != l.members.end())
            found->second.retry_at = now + later;
        // It may be the server of this mailbox alone, behind the one that is asked.
        if (e.retry_action == ews::retry_action::retry && ++l.unanswered == 1)
            return duration::zero();
        l.ask_after = now + later;
        return later;
    }
    l.unanswered = 0;
    parts_.log.debug("notifications: {} cannot be followed: {}", mailbox.str(), e.fault.message);
    if (found != l.members.end())
        found->second.retry_at =
            now + (e.retry_action == ews::retry_action::back_off ? duration(e.back_off) + around(limits_.poll)
                   : e.retry_action == ews::retry_action::retry  ? around(limits_.again.cap)
                                                                 : around(limits_.denied));
    return duration::zero();
}

// Reads the line's stream until it ends; how long to wait before the next.
task<duration> streams::read(line& l)
{
    using namespace asio::experimental::awaitable_operators;
    std::vector<std::string> subscriptions;
    l.reading.clear();
    for (const auto& [key, m] : l.members)
        if (!m.subscription.empty()) {
            subscriptions.push_back(m.subscription);
            l.reading.emplace(m.subscription, key);
        }
    l.lost.clear();
    l.greeted = false;
    const auto group = *l.group;
    const auto begun = parts_.time.now();
    std::function<void(const ews::stream_message&)> to = [this, &l](const ews::stream_message& m) {
        take(l, m);
    };
    const auto first =
        co_await (parts_.server.listen(group, subscriptions, limits_.length, std::move(to)) || gather(l));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        co_return duration::zero(); // what it ended with is ours
    const bool stable = parts_.time.now() - begun >= limits_.stable;
    if (stable) {
        l.again.reset();
        l.crowded.reset();
        l.failures = 0;
        for (const auto& [subscription, key] : l.reading)
            if (const auto m = l.members.find(key); m != l.members.end())
                m->second.losses = 0;
    }
    const auto* const ended = std::get_if<0>(&first);
    if (!ended) { // there are other mailboxes to read; what was on its way to us is lost
        l.current.clear();
        co_return duration::zero();
    }
    if (ended->has_error())
        co_return broke(l, ended->error());
    if (!l.lost.empty())
        co_return lost(l);
    if (stable)
        co_return duration::zero();
    close(l);
    co_return l.again.next();
}

// Subscribes to what is new or due again, beside the stream under way; returns when there is more to read, or nobody to
// read for.
task<void> streams::gather(line& l)
{
    while (!l.members.empty() && !l.anew && !l.unanchored) {
        if (!next_due(l)) {
            co_await wait(l, until_due(l));
            if (next_due(l))
                co_await rest(l, limits_.gather);
            continue;
        }
        const auto pause = co_await subscribe_due(l);
        const bool more = std::ranges::any_of(l.members, [&l](const auto& m) {
            return !m.second.subscription.empty() && !l.reading.contains(m.second.subscription);
        });
        if (more)
            co_return;
        if (pause > duration::zero())
            co_await rest(l, pause);
    }
}

// Called from within the transport: takes notes only.
void streams::take(line& l, const ews::stream_message& message)
{
    if (message.lost.empty() && !std::exchange(l.greeted, true))
        opened(l);
    for (const auto& subscription : message.changed)
        if (const auto found = l.reading.find(subscription); found != l.reading.end())
            if (const auto m = l.members.find(found->second); m != l.members.end())
                news_.emplace(m->first, m->second.mailbox);
    l.lost.insert(l.lost.end(), message.lost.begin(), message.lost.end());
    if (!message.lost.empty())
        l.lost_code = message.lost_code;
    if (!news_.empty())
        told_.notify();
}

// What happened before the first message of a stream nobody has told, unless the stream before it was closed in order.
void streams::opened(line& l)
{
    bool more = !l.open;
    for (const auto& [subscription, key] : l.reading) {
        const auto m = l.members.find(key);
        if (m == l.members.end() || !l.current.insert(key).second)
            continue;
        news_.emplace(key, m->second.mailbox);
        more = true;
    }
    l.open = true;
    if (!more)
        return;
    if (l.broken)
        event::streaming_up.info(parts_.log, "notifications: Exchange streams again");
    l.broken = false;
    parts_.log.debug("notifications: {} of {} mailboxes are followed by streams", covered(), wanted_);
    told_.notify();
}

// The stream ended with an error.
duration streams::broke(line& l, const ews::error& why)
{
    close(l);
    if (refuses_for_good(why)) {
        drop(l);
        turn_off(why);
        return limits_.refused;
    }
    if (!l.broken)
        event::streaming_down.warn(parts_.log, "notifications: {}; {} mailboxes are polled meanwhile",
                                   why.fault.message, l.members.size());
    l.broken = true;
    if (ews::has_too_many_connections(why.fault))
        return limits_.crowded.first / 2 + l.crowded.next();
    if (why.retry_action == ews::retry_action::back_off)
        return why.back_off + l.again.next();
    if (why.retry_action == ews::retry_action::give_up) {
        // The subscriptions are gone, or whoever they are read as may not read them any more.
        if (!ews::lost_subscription(why.fault) && l.group) {
            if (const auto anchor = l.members.find(l.group->anchor.key()); anchor != l.members.end())
                anchor->second.retry_at = parts_.time.now() + around(limits_.denied);
            if (++l.failures >= limits_.losses)
                keep_anchor_alone(l);
        }
        drop(l);
    }
    return std::max<duration>(l.again.next(), limits_.again.first / 2);
}

// A stream of several subscriptions fails again and again, and Exchange does not say which: perhaps each may be read only as
// its own mailbox, or a balancer spreads them over servers. The anchor's own can be read in either case.
void streams::keep_anchor_alone(line& l)
{
    if (l.members.size() < 2 || !l.group)
        return;
    parts_.log.warn(
        "notifications: Exchange does not stream {} mailboxes together; all but one of them are polled",
        l.members.size());
    const auto anchor = l.group->anchor.key();
    for (auto& [key, m] : l.members)
        m.retry_at = key == anchor ? steady_time{} : parts_.time.now() + around(limits_.denied);
}

// Whose subscription Exchange takes away each time would end the stream of all others each time.
void streams::set_aside(member& m, std::string_view why)
{
    m.losses = 0;
    m.retry_at = parts_.time.now() + around(limits_.denied);
    parts_.log.info("notifications: Exchange keeps ending the subscription of one mailbox ({}); it is polled",
                    why);
    parts_.log.debug("notifications: {} is polled", m.mailbox.str());
}

// The stream ended because subscriptions are no more.
duration streams::lost(line& l)
{
    close(l);
    parts_.log.debug("notifications: {} subscriptions are lost", l.lost.size());
    bool any_aside = false;
    for (const auto& subscription : l.lost)
        if (const auto found = l.reading.find(subscription); found != l.reading.end())
            if (const auto m = l.members.find(found->second); m != l.members.end()) {
                m->second.subscription.clear();
                if (++m->second.losses >= limits_.losses) {
                    set_aside(m->second, l.lost_code);
                    any_aside = true;
                }
            }
    if (any_aside)
        l.again.reset(); // the others need not wait for what was not their doing
    if (std::ranges::all_of(l.members, [](const auto& m) { return m.second.subscription.empty(); }))
        l.group.reset();
    return l.again.next();
}

// Forgets the line's subscriptions.
void streams::drop(line& l)
{
    close(l);
    for (auto& [key, m] : l.members)
        m.subscription.clear();
    l.group.reset();
}

// Nobody reads the line's stream any more.
void streams::close(line& l)
{
    l.current.clear();
    if (std::exchange(l.open, false))
        parts_.listener.coverage_changed();
}

void streams::turn_off(const ews::error& why)
{
    if (off_until_ <= parts_.time.now())
        event::streaming_down.warn(parts_.log, "notifications: {}; changes are found by polling",
                                   why.fault.message);
    off_until_ = parts_.time.now() + limits_.refused;
}

bool may_be_followed(const policy::policy& policy, const mailbox_address& mailbox)
{
    return policy.allows_in("availability.watch", mailbox).has_value() ||
           policy.allows_in("event.get", mailbox).has_value();
}

task<void> streams::deliver()
{
    for (;;) {
        while (news_.empty()) {
            const auto cancelled = co_await told_.wait();
            if (cancelled)
                co_return;
        }
        parts_.listener.coverage_changed();
        for (const auto& [key, mailbox] : std::exchange(news_, {}))
            parts_.listener.mailbox_changed(mailbox);
    }
}

task<void> streams::say_goodbye()
{
    using namespace asio::experimental::awaitable_operators;
    task_group children(executor_);
    for (auto& l : lines_)
        children.spawn(say_goodbye_of(l));
    co_await (children.join() || parts_.time.sleep_for(limits_.goodbye));
    co_await children.join();
}

task<void> streams::say_goodbye_of(line& l)
{
    close(l);
    part_with_all(l);
    while (!l.parting.empty() && l.group && parts_.server_usable()) {
        const auto subscription = std::move(l.parting.back());
        l.parting.pop_back();
        const auto group = *l.group;
        co_await parts_.server.unsubscribe(group, subscription, goodbye_request);
    }
}

duration streams::around(duration length)
{
    std::uniform_real_distribution<double> factor(0.9, 1.1);
    return std::chrono::duration_cast<duration>(length * factor(random_));
}

} // namespace relay::watch
