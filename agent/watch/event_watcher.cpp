#include "agent/watch/event_watcher.hpp"

#include "agent/ews/reasons.hpp"
#include "agent/exchange_access/permit_wait.hpp"
#include "agent/watch/event_changes.hpp"
#include "agent/watch/server_wait.hpp"

#include <boost/asio/this_coro.hpp>
#include <spdlog/logger.h>

#include <algorithm>
#include <utility>

namespace relay::watch {
namespace {

constexpr duration after_trouble = std::chrono::seconds(5); // of the store
constexpr duration after_silence = std::chrono::minutes(3); // of one mailbox, for the second time
constexpr std::size_t mailboxes_a_page = 1'000;
constexpr duration forgets =
    std::chrono::minutes(10); // an item that was missing, and that nobody asks for any more

// The event's item is not where it was; what is there may be a copy that an older agent followed.
bool is_gone(const ews::outcome<ews::item_state>& state)
{
    if (state.has_error())
        return ews::is_item_gone(state.error().fault);
    return state->cancelled ||
           exchange_access::birth_of(state->uid, state->born_uid) == exchange_access::birth::copy;
}

// The agent stops.
ews::error cut_off()
{
    ews::error e;
    e.fault = {protocol::fault_code::exchange_unavailable, "the agent stops", {}};
    e.retry_action = ews::retry_action::retry;
    return e;
}

} // namespace

event_watcher::event_watcher(const asio::any_io_executor& executor, const parts& p, duration request)
    : parts_(p),
      request_(request),
      woken_(executor),
      store_(parts_.log, "changes of events are told")
{
}

void event_watcher::stop()
{
    stopping_ = true;
    woken_.notify();
}

void event_watcher::put(host& h, steady_time due)
{
    queue_.erase({h.due, h.mailbox.key()});
    h.due = due;
    queue_.emplace(h.due, h.mailbox.key());
    woken_.notify();
}

void event_watcher::wrote(const mailbox_address& mailbox, const store::event_write& w)
{
    const auto [at, is_new] = hosts_.try_emplace(mailbox.key(), host{mailbox, steady_time::max()});
    auto& h = at->second;
    ++h.written;
    // Whatever others did while it was being written could not be told from our own doing; nor can the next thing that
    // they do where it is not known what is written.
    const bool soon = parts_.notified.covers(mailbox) || w.what == store::event_write::effect::doubtful;
    put(h, std::min(h.due, parts_.time.now() + (soon ? between_looks : interval)));
    if (is_new)
        parts_.listener.tracked_mailboxes_changed();
}

void event_watcher::wake(const mailbox_address& mailbox)
{
    const auto found = hosts_.find(mailbox.key());
    if (found == hosts_.end())
        return;
    auto& h = found->second;
    const auto due = std::max(parts_.time.now() + gather, h.looked + between_looks);
    if (due < h.due)
        put(h, due);
}

// What was left to notifications, of which no more come, is polled again, spread over the interval.
void event_watcher::coverage_changed()
{
    const auto now = parts_.time.now();
    std::int64_t n = 0;
    for (auto& [key, h] : hosts_) {
        ++n;
        if (!h.left_to_others || parts_.notified.covers(h.mailbox))
            continue;
        h.left_to_others = false;
        put(h, std::min(h.due, now + interval * n / static_cast<std::int64_t>(hosts_.size())));
    }
}

std::vector<mailbox_address> event_watcher::mailboxes() const
{
    std::vector<mailbox_address> all;
    all.reserve(hosts_.size());
    for (const auto& [key, h] : hosts_)
        all.push_back(h.mailbox);
    return all;
}

task<void> event_watcher::run()
{
    while (!stopping_) {
        const bool known = co_await take_up();
        if (known)
            break;
        co_await pause_until(parts_.time.now() + after_trouble);
    }
    while (!stopping_) {
        if (queue_.empty() || queue_.begin()->first > parts_.time.now()) {
            co_await pause_until(queue_.empty() ? steady_time::max() : queue_.begin()->first);
            continue;
        }
        const bool open = co_await until_usable(parts_.gate, parts_.time, stopping_);
        if (!open)
            continue;
        const auto key = queue_.begin()->second;
        // Exchange may have asked for a pause of this mailbox alone.
        const auto earliest = parts_.gate.earliest_start(key, false);
        if (earliest > parts_.time.now())
            put(hosts_.at(key), earliest);
        else
            co_await look_at(key);
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            co_return;
    }
}

task<void> event_watcher::look_at(const std::string& key)
{
    const auto mailbox = hosts_.at(key).mailbox;
    const auto written = hosts_.at(key).written;
    hosts_.at(key).looked = parts_.time.now();
    hosts_.at(key).left_to_others = false;
    put(hosts_.at(key), parts_.time.now() + covered_interval); // what comes up meanwhile brings it forward
    const auto next = co_await poll(mailbox);
    auto& h = hosts_.at(key);
    if (next != duration::max()) {
        put(h, std::min(h.due, parts_.time.now() + next));
    } else if (h.written == written) {
        queue_.erase({h.due, key});
        hosts_.erase(key);
        parts_.listener.tracked_mailboxes_changed();
    }
}

// Whose events there are; false where the store could not tell.
task<bool> event_watcher::take_up()
{
    std::string after;
    for (;;) {
        const auto page = co_await parts_.store.tracked_mailboxes(after, mailboxes_a_page);
        store_.note(page.has_error() ? page.error() : error_code());
        if (page.has_error())
            co_return false;
        for (const auto& key : *page)
            if (const auto mailbox = mailbox_address::parse(key); mailbox.has_value())
                hosts_.try_emplace(key, host{*mailbox});
        if (page->size() < mailboxes_a_page)
            break;
        after = page->back();
    }
    // Somebody may have changed them while the agent was away; not all are asked for at once.
    std::int64_t n = 0;
    const auto now = parts_.time.now();
    for (auto& [key, h] : hosts_)
        put(h, now + interval * n++ / static_cast<std::int64_t>(hosts_.size()));
    if (!hosts_.empty())
        parts_.listener.tracked_mailboxes_changed();
    co_return true;
}

task<void> event_watcher::pause_until(steady_time t)
{
    using namespace asio::experimental::awaitable_operators;
    if (t == steady_time::max()) {
        const auto ec = co_await woken_.wait();
        (void)ec;
    } else {
        co_await (parts_.time.sleep_for(t - parts_.time.now()) || woken_.wait());
    }
}

// One look at all events of a mailbox. How long until the next; duration::max() where it has none any more.
task<duration> event_watcher::poll(const mailbox_address& mailbox)
{
    // What it tells is what event.get would.
    if (parts_.policy.allows_in("event.get", mailbox).has_error())
        co_return after_refusal;
    look_again_ = false;
    bool any = false, elsewhere = false, gone = false;
    std::optional<ews::error> trouble;
    for (std::int64_t after = 0;;) {
        const auto some = co_await parts_.store.tracked_events(mailbox.key(), after, ews::max_states);
        store_.note(some.has_error() ? some.error() : error_code());
        if (some.has_error())
            co_return after_trouble;
        if (some->empty())
            break;
        any = true;
        after = some->back().place;
        auto part = co_await see(mailbox, *some);
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            co_return interval; // what it ended with says nothing about the server
        elsewhere = elsewhere || std::ranges::any_of(*some, &store::tracked_event::elsewhere) ||
                    std::ranges::any_of(part.seen, &store::event_observation::elsewhere);
        gone = gone || std::ranges::any_of(part.seen, &store::event_observation::gone);
        if (!part.seen.empty()) {
            const auto published = co_await parts_.out.publish_changes(std::move(part.seen));
            store_.note(published.has_error() ? published.error() : error_code());
            if (published.has_error())
                co_return after_trouble;
        }
        if (part.trouble)
            trouble = std::move(part.trouble);
        if (trouble && !is_of_one_item(*trouble))
            break;
        if (some->size() < ews::max_states)
            break;
    }
    if (!any)
        co_return duration::max();
    if (trouble)
        co_return after_error(mailbox, *trouble);
    auto& h = hosts_.at(mailbox.key());
    // Those that went may have been the last; but where a command about one is under way, none goes yet.
    const bool went = gone && !std::exchange(h.lost_some, gone);
    h.lost_some = gone;
    if (look_again_ || went)
        co_return after_trouble;
    const bool covered = parts_.notified.covers(mailbox) && !elsewhere;
    h.left_to_others = covered;
    co_return covered ? covered_interval : interval;
}

task<event_watcher::sight_of> event_watcher::see(const mailbox_address& mailbox,
                                                 const std::vector<store::tracked_event>& some)
{
    sight_of all;
    std::vector<std::string> ids;
    std::vector<const store::tracked_event*> asked, lost;
    // As both clocks say, the cloud's too: one that is let go is not told of any more.
    const auto now = parts_.out.clock().proven().value_or(utc_time{});
    for (const auto& e : some) {
        if (std::max(e.end, e.written_at) + afterwards < now) {
            all.seen.push_back(let_go(e));
        } else if (e.item_id.empty()) {
            lost.push_back(&e);
        } else {
            ids.push_back(e.item_id);
            asked.push_back(&e);
        }
    }
    if (!ids.empty()) {
        const auto states = co_await ask(mailbox, std::move(ids));
        if (states.has_error()) {
            all.trouble = states.error();
            co_return all;
        }
        for (std::size_t i = 0; i < asked.size(); ++i) {
            const auto& state = (*states)[i];
            if (is_gone(state)) {
                lost.push_back(asked[i]);
            } else if (state.has_value()) {
                missing_.erase(asked[i]->place);
                if (auto one = seen_alive(*asked[i], *state, asked[i]->item_id, asked[i]->elsewhere))
                    all.seen.push_back(std::move(*one));
            }
        }
    }
    for (const auto* e : lost) {
        auto found = co_await find(mailbox, *e);
        if (found.has_value()) {
            if (*found)
                all.seen.push_back(std::move(**found));
            continue;
        }
        all.trouble = found.error();
        if (!is_of_one_item(found.error()))
            co_return all;
    }
    co_return all;
}

// With a permit of its own.
task<ews::outcome<std::vector<ews::outcome<ews::item_state>>>>
event_watcher::ask(const mailbox_address& mailbox, std::vector<std::string> ids)
{
    const auto permit = co_await exchange_access::acquire_permit(parts_.limiter, mailbox.key());
    if (!permit.is_granted())
        co_return cut_off();
    auto states = co_await parts_.exchange.states(mailbox, std::move(ids), request_);
    if (states.has_value())
        went_well(permit);
    else if (states.error().retry_action == ews::retry_action::back_off)
        parts_.limiter.too_much(permit, states.error().whole_server);
    co_return states;
}

// What became of an item that is not where it was: another folder has it, under another id, or it was deleted.
task<ews::outcome<event_watcher::observation>> event_watcher::find(const mailbox_address& mailbox,
                                                                   const store::tracked_event& e)
{
    std::function<std::optional<duration>()> limit = [this]() -> std::optional<duration> {
        return stopping_ ? std::nullopt : std::optional(request_);
    };
    exchange_access::marked_items found;
    bool elsewhere = false;
    {
        const auto permit = co_await exchange_access::acquire_permit(parts_.limiter, mailbox.key());
        if (!permit.is_granted())
            co_return cut_off();
        auto looked = co_await exchange_access::look_up(parts_.exchange, limit, mailbox, e.event_id,
                                                        exchange_access::search_scope::usual);
        if (looked.has_value() && looked->live.empty() && !looked->everywhere)
            looked = co_await exchange_access::look_up(parts_.exchange, limit, mailbox, e.event_id,
                                                       exchange_access::search_scope::everywhere);
        if (looked.has_error()) {
            if (looked.error().retry_action == ews::retry_action::back_off)
                parts_.limiter.too_much(permit, looked.error().whole_server);
            co_return looked.error();
        }
        went_well(permit);
        found = std::move(*looked);
        elsewhere = found.everywhere;
    }
    if (found.live.size() > 1) // which one is meant cannot be told
        co_return observation();
    if (found.live.empty()) {
        // In Deleted Items may lie one that had the event's name before.
        const bool is_there = std::ranges::any_of(
            found.deleted, [&](const auto& i) { return !e.sure || i.command_id == e.command_id; });
        if (!is_there)
            co_return not_found(e);
        missing_.erase(e.place);
        co_return observation(seen_deleted(e, e.command_id));
    }
    missing_.erase(e.place);
    const auto& id = found.live.front().ref.id;
    std::vector<std::string> ids{id};
    const auto states = co_await ask(mailbox, std::move(ids));
    if (states.has_error())
        co_return states.error();
    const auto& state = states->front();
    if (state.has_error())
        co_return observation();
    if (state->cancelled)
        co_return observation(seen_deleted(e, state->command_id));
    co_return seen_alive(e, *state, id, elsewhere);
}

// It counts as deleted only where it is still nowhere after some time.
event_watcher::observation event_watcher::not_found(const store::tracked_event& e)
{
    const auto now = parts_.time.now();
    std::erase_if(missing_, [&](const auto& m) { return now - m.second > forgets; });
    const auto [since, is_new] = missing_.try_emplace(e.place, now);
    if (is_new || now - since->second < sight) {
        look_again_ = true;
        return std::nullopt;
    }
    missing_.erase(since);
    return seen_deleted(e, e.command_id);
}

// What says nothing about the next item.
bool event_watcher::is_of_one_item(const ews::error& e) const
{
    return !stopping_ && !exchange_access::is_outage(e) &&
           (e.retry_action == ews::retry_action::give_up || e.retry_action == ews::retry_action::retry);
}

void event_watcher::went_well(const exchange_access::concurrency_limiter::permit& permit)
{
    silent_.clear();
    parts_.gate.succeeded(parts_.time.now(), parts_.time.utc_now());
    parts_.limiter.went_well(permit);
}

duration event_watcher::after_error(const mailbox_address& mailbox, const ews::error& e)
{
    if (stopping_)
        return interval;
    parts_.log.debug("watch: the events of {} cannot be looked at: {}", mailbox.str(), e.fault.message);
    if (!exchange_access::is_outage(e)) {
        parts_.gate.failed(e, mailbox.key(), parts_.time.now(), parts_.time.utc_now());
        return e.retry_action == ews::retry_action::give_up ? after_refusal : interval;
    }
    // It may be this mailbox's server alone that does not answer, behind the one that we ask.
    const auto before = std::exchange(silent_, mailbox.key());
    if (before == mailbox.key())
        return after_silence;
    if (!before.empty())
        parts_.gate.failed(e, mailbox.key(), parts_.time.now(), parts_.time.utc_now());
    return interval;
}

} // namespace relay::watch
