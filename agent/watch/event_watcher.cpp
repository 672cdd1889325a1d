#include "agent/watch/event_watcher.hpp"

#include "agent/dispatch/turn_wait.hpp"
#include "agent/watch/event_changes.hpp"
#include "agent/watch/server_wait.hpp"

#include <boost/asio/this_coro.hpp>
#include <spdlog/logger.h>

#include <algorithm>
#include <utility>

namespace relay::watch {
namespace {

constexpr duration after_trouble = std::chrono::seconds(5); // of the store
constexpr std::size_t mailboxes_a_page = 1'000;

bool is_gone(const ews::outcome<ews::item_state>& state)
{
    return state.has_error() ? state.error().fault.exchange == "ErrorItemNotFound" : state->cancelled;
}

} // namespace

event_watcher::event_watcher(const asio::any_io_executor& executor, parts p, duration request)
    : parts_(std::move(p)),
      request_(request),
      woken_(executor)
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

duration event_watcher::interval_of(const host& h) const
{
    return parts_.covered(h.mailbox) && !h.elsewhere ? covered_interval : interval;
}

void event_watcher::wrote(const mailbox_address& mailbox)
{
    const auto now = parts_.time.now();
    // Whatever others did while it was being written could not be told from our own doing.
    const auto due = now + (parts_.covered(mailbox) ? between_looks : interval);
    const auto [at, is_new] = hosts_.try_emplace(mailbox.key(), host{mailbox, due});
    put(at->second, std::min(at->second.due, due));
    if (is_new)
        parts_.mailboxes_changed();
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

// What was left to notifications is polled again, spread over the interval.
void event_watcher::coverage_changed()
{
    const auto now = parts_.time.now();
    std::size_t n = 0;
    for (auto& [key, h] : hosts_) {
        const auto due =
            now + interval * static_cast<std::int64_t>(++n) / static_cast<std::int64_t>(hosts_.size());
        if (due < h.due && !parts_.covered(h.mailbox))
            put(h, due);
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
        const auto mailbox = hosts_.at(key).mailbox;
        hosts_.at(key).looked = parts_.time.now();
        put(hosts_.at(key),
            parts_.time.now() + covered_interval); // a wake while it is looked at brings it forward
        const auto next = co_await look(mailbox);
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            co_return;
        auto& h = hosts_.at(key);
        if (next == duration::max()) {
            queue_.erase({h.due, key});
            hosts_.erase(key);
            parts_.mailboxes_changed();
        } else {
            put(h, std::min(h.due, parts_.time.now() + next));
        }
    }
}

// Whose events there are; false where the store could not tell.
task<bool> event_watcher::take_up()
{
    std::string after;
    for (;;) {
        const auto page = co_await parts_.store.own_event_mailboxes(after, mailboxes_a_page);
        note(page.has_error() ? page.error() : error_code());
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
        parts_.mailboxes_changed();
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
task<duration> event_watcher::look(const mailbox_address& mailbox)
{
    if (!parts_.allows(mailbox))
        co_return after_refusal;
    look_again_ = false;
    bool any = false, gone = false;
    for (std::int64_t after = 0;;) {
        const auto some = co_await parts_.store.own_events(mailbox.key(), after, ews::max_states);
        note(some.has_error() ? some.error() : error_code());
        if (some.has_error())
            co_return after_trouble;
        if (some->empty())
            break;
        any = true;
        after = some->back().place;
        const auto turn = co_await dispatch::take_turn(parts_.turns, mailbox.key());
        if (!turn.is_here())
            co_return interval;
        auto seen = co_await see(mailbox, *some);
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            co_return interval; // what it ended with says nothing about the server
        if (seen.has_error()) {
            if (seen.error().remedy == ews::remedy::back_off)
                parts_.turns.too_much(turn, seen.error().whole_server);
            co_return after_error(mailbox, seen.error());
        }
        parts_.gate.succeeded(parts_.time.now(), parts_.time.utc_now());
        parts_.turns.went_well(turn);
        if (!seen->empty()) {
            gone = gone || std::ranges::any_of(*seen, &store::event_sighting::gone);
            const auto told = co_await parts_.out.tell_changes(std::move(*seen));
            note(told.has_error() ? told.error() : error_code());
            if (told.has_error())
                co_return after_trouble;
        }
        if (some->size() < ews::max_states)
            break;
    }
    if (!any)
        co_return duration::max();
    // Where something went, it may have been the last.
    co_return look_again_ || gone ? after_trouble : interval_of(hosts_.at(mailbox.key()));
}

task<ews::outcome<event_watcher::sightings>> event_watcher::see(const mailbox_address& mailbox,
                                                                const std::vector<store::own_event>& some)
{
    sightings seen;
    std::vector<std::string> ids;
    std::vector<const store::own_event*> asked;
    for (const auto& e : some) {
        if (std::max(e.end, e.written_at) + afterwards < parts_.time.utc_now()) {
            seen.push_back(let_go(e));
            continue;
        }
        ids.push_back(e.item_id);
        asked.push_back(&e);
    }
    if (ids.empty())
        co_return seen;
    const auto states = co_await parts_.exchange.states(mailbox, std::move(ids), request_);
    if (states.has_error())
        co_return states.error();
    for (std::size_t i = 0; i < asked.size(); ++i) {
        const auto& state = (*states)[i];
        std::optional<store::event_sighting> one;
        if (is_gone(state)) {
            auto found = co_await find(mailbox, *asked[i]);
            if (found.has_error())
                co_return found.error();
            one = std::move(*found);
        } else if (state.has_value()) {
            one = seen_alive(*asked[i], *state, asked[i]->item_id);
        }
        if (one)
            seen.push_back(std::move(*one));
    }
    co_return seen;
}

// What became of an item that is not where it was: another folder has it, under another id, or it was deleted.
task<ews::outcome<std::optional<store::event_sighting>>> event_watcher::find(const mailbox_address& mailbox,
                                                                             const store::own_event& e)
{
    using nothing = std::optional<store::event_sighting>;
    std::function<std::optional<duration>()> limit = [this]() -> std::optional<duration> {
        return stopping_ ? std::nullopt : std::optional(request_);
    };
    const auto found = co_await dispatch::look_up(parts_.exchange, std::move(limit), mailbox, e.event_id,
                                                  dispatch::reach::everywhere);
    if (found.has_error())
        co_return found.error();
    if (found->live.size() > 1) // copied by hand: which one is meant cannot be told
        co_return nothing();
    if (found->live.empty()) {
        const bool is_new = parts_.time.utc_now() < e.written_at + std::chrono::round<milliseconds>(sight);
        if (found->deleted.empty() && is_new) {
            look_again_ = true;
            co_return nothing();
        }
        co_return nothing(seen_deleted(e));
    }
    const auto& id = found->live.front().ref.id;
    std::vector<std::string> ids{id};
    const auto states = co_await parts_.exchange.states(mailbox, std::move(ids), request_);
    if (states.has_error())
        co_return states.error();
    const auto& state = states->front();
    if (state.has_error())
        co_return nothing();
    if (state->cancelled)
        co_return nothing(seen_deleted(e));
    hosts_.at(mailbox.key()).elsewhere = true;
    co_return seen_alive(e, *state, id);
}

duration event_watcher::after_error(const mailbox_address& mailbox, const ews::error& e)
{
    parts_.gate.failed(e, mailbox.key(), parts_.time.now(), parts_.time.utc_now());
    parts_.log.debug("watch: the events of {} cannot be looked at: {}", mailbox.str(), e.fault.message);
    return e.remedy == ews::remedy::give_up ? after_refusal : interval;
}

void event_watcher::note(error_code ec)
{
    const bool bad = static_cast<bool>(ec);
    if (bad && !failing_)
        parts_.log.warn("watch: changes of events are told when the queue works again: {}", ec.message());
    else if (!bad && failing_)
        parts_.log.info("watch: the queue works again, changes of events are told");
    failing_ = bad;
}

} // namespace relay::watch
