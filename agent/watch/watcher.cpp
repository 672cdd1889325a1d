#include "agent/watch/watcher.hpp"

#include "agent/exchange_access/answer_lists.hpp"
#include "agent/exchange_access/permit_wait.hpp"
#include "agent/protocol/codec.hpp"
#include "agent/watch/server_wait.hpp"
#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <map>
#include <utility>

namespace relay::watch {
namespace {

constexpr std::string_view operation = "availability.watch"; // whose policy counts
constexpr duration after_store_trouble = std::chrono::seconds(5);
// A request about several mailboxes has this part of the time of one about a single mailbox: one of them may hold it up.
constexpr int limit_shares = 3;
constexpr std::size_t most_told_bytes = 1'048'576; // of events in one call of the store
// A server that shows merged slots alone begins them where the window begins: it has to begin alike each time.
constexpr std::chrono::minutes slot{30};

struct window {
    utc_time as_of, end;
    utc_time ask_from, ask_to; // as_of and end, at whole slots
};

window window_from(utc_time now, std::chrono::days horizon)
{
    window w;
    w.as_of = std::chrono::floor<std::chrono::seconds>(now);
    w.end = w.as_of + horizon;
    w.ask_from = w.as_of - w.as_of.time_since_epoch() % milliseconds(slot);
    const auto over = w.end.time_since_epoch() % milliseconds(slot);
    w.ask_to = over == milliseconds(0) ? w.end : w.end + (milliseconds(slot) - over);
    return w;
}

free_busy_snapshot snapshot_of(const window& w, const ews::mailbox_busy& answer)
{
    free_busy_snapshot p{w.as_of, w.end, {}, {}};
    if (answer.has_error())
        p.error = answer.error();
    else
        p.busy = exchange_access::join_periods(*answer, w.as_of, w.end);
    return p;
}

std::string event_of(const store::watched_mailbox& m, const free_busy_snapshot& p)
{
    protocol::json::object data{
        {"watch_id", m.watch_id}, {"mailbox", m.mailbox}, {"as_of", format_rfc3339(p.from)}};
    if (p.error)
        data["error"] = protocol::to_json(*p.error);
    else
        data["busy"] = exchange_access::busy_list(p.busy);
    return protocol::encode_event("availability.changed", data);
}

bool is_new(const store::watched_mailbox& m, const free_busy_snapshot& seen)
{
    const auto published = m.published ? free_busy_snapshot::unpacked(*m.published) : std::nullopt;
    return !published || differs(*published, seen);
}

} // namespace

watcher::watcher(const asio::any_io_executor& executor, const parts& p, duration request)
    : parts_(p),
      request_(request),
      woken_(executor),
      store_(parts_.log, "changes are told")
{
}

void watcher::stop()
{
    stopping_ = true;
    woken_.notify();
}

void watcher::changed()
{
    changed_ = true;
    woken_.notify();
}

void watcher::wake(const mailbox_address& mailbox)
{
    schedule_.wake(mailbox.key(), parts_.time.now());
    woken_.notify();
}

protocol::checked<void> watcher::has_room(const protocol::availability_watch& op) const
{
    const auto replaced = known_.find(op.watch_id);
    const auto goes = replaced == known_.end() ? 0 : replaced->second;
    if (mailboxes_ - goes + static_cast<std::int64_t>(op.mailboxes.size()) > store::most_watched)
        return protocol::fault{
            protocol::fault_code::overloaded,
            fmt::format("with it the agent would watch more than {} mailboxes: end other watches first",
                        store::most_watched),
            {}};
    return boost::system::in_place_value;
}

task<void> watcher::run()
{
    while (!stopping_) {
        if (changed_) {
            const auto taken = co_await take_up();
            store_.note(taken.has_error() ? taken.error() : error_code());
            if (taken.has_error())
                co_await pause_until(parts_.time.now() + after_store_trouble);
            continue;
        }
        const auto due = schedule_.due();
        if (!due || *due > parts_.time.now()) {
            co_await pause_until(due.value_or(steady_time::max()));
            continue;
        }
        const bool open = co_await until_usable(parts_.gate, parts_.time, stopping_);
        if (!open || changed_)
            continue;
        const bool looked = co_await poll();
        if (!looked)
            co_return;
    }
}

task<result<void>> watcher::take_up()
{
    const bool at_start = known_.empty();
    changed_ = false;
    const auto all = co_await parts_.store.watches();
    if (all.has_error()) {
        changed_ = true;
        co_return all.error();
    }
    known_.clear();
    mailboxes_ = 0;
    for (const auto& w : *all) {
        known_.emplace(w.watch_id, w.mailboxes);
        mailboxes_ += w.mailboxes;
    }
    schedule_.set(*all, parts_.time.now());
    if (at_start && !all->empty())
        parts_.log.info("watch: {} watches, {} mailboxes", watches(), mailboxes_);
    else
        parts_.log.debug("watch: {} watches, {} mailboxes", watches(), mailboxes_);
    co_return result<void>();
}

// Until `t`, or until somebody wakes it.
task<void> watcher::pause_until(steady_time t)
{
    using namespace asio::experimental::awaitable_operators;
    if (t == steady_time::max()) {
        const auto ec = co_await woken_.wait();
        (void)ec;
    } else {
        co_await (parts_.time.sleep_for(t - parts_.time.now()) || woken_.wait());
    }
}

// One look, whatever is due first; false where the watcher was cancelled.
task<bool> watcher::poll()
{
    auto wanted = schedule_.next(parts_.time.now());
    if (!wanted)
        co_return true;
    auto found = co_await parts_.store.watched(std::move(*wanted));
    store_.note(found.has_error() ? found.error() : error_code());
    if (found.has_error()) {
        schedule_.failed({}, parts_.time.now());
        co_return true;
    }
    std::map<std::chrono::days, mailboxes_ahead> by_horizon;
    for (const auto& m : *found)
        by_horizon[m.pace.horizon].push_back(m);
    bool seen = true;
    for (auto& [horizon, of] : by_horizon) {
        seen = co_await look_ahead(std::move(of), horizon);
        if (!seen)
            break;
    }
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        co_return false;
    if (seen)
        schedule_.ended(*found, parts_.time.now());
    else
        schedule_.failed(*found, parts_.time.now());
    co_return true;
}

task<bool> watcher::look_ahead(mailboxes_ahead of, std::chrono::days horizon)
{
    const auto w = window_from(parts_.time.utc_now(), horizon);
    std::map<std::string, std::size_t> places; // of each mailbox among those asked about
    std::vector<mailbox_address> whom;
    for (const auto& m : of) {
        auto address = mailbox_address::parse(m.mailbox);
        if (!address.has_value()) // it was one when it was stored
            continue;
        if (places.emplace(address->key(), whom.size()).second)
            whom.push_back(*std::move(address));
    }
    const bool identified = co_await identify(whom);
    if (!identified)
        co_return false;
    exchange_access::availability_question question(
        std::move(whom), w.ask_from, w.ask_to,
        [this](const mailbox_address& m) { return parts_.quarantine.holds(m, parts_.time.now()); });
    const bool answered = co_await ask(question);
    if (!answered)
        co_return false;

    std::vector<store::observation> news;
    std::size_t bytes = 0;
    for (const auto& m : of) {
        const auto place = places.find(ascii_lower(m.mailbox));
        if (place == places.end())
            continue;
        const auto seen = snapshot_of(w, question.answers()[place->second]);
        if (!is_new(m, seen))
            continue;
        news.push_back({m.place, event_of(m, seen), seen.packed()});
        bytes += news.back().body.size();
        if (bytes < most_told_bytes)
            continue;
        const bool published = co_await publish(std::exchange(news, {}));
        if (!published)
            co_return false;
        bytes = 0;
    }
    co_return co_await publish(std::move(news));
}

template <class T>
void watcher::note(const ews::outcome<T>& got, const exchange_access::concurrency_limiter::permit& permit)
{
    const auto now = parts_.time.now();
    if (got.has_value()) {
        parts_.gate.succeeded(now, parts_.time.utc_now());
        parts_.limiter.went_well(permit);
        return;
    }
    parts_.gate.failed(got.error(), {}, now, parts_.time.utc_now());
    if (got.error().retry_action == ews::retry_action::back_off)
        parts_.limiter.too_much(permit, got.error().whole_server);
}

// A permit that is not granted if there is nothing to ask any more.
task<exchange_access::concurrency_limiter::permit> watcher::permit_to_ask()
{
    const bool open = co_await until_usable(parts_.gate, parts_.time, stopping_);
    if (!open)
        co_return exchange_access::concurrency_limiter::permit();
    co_return co_await exchange_access::acquire_permit(parts_.limiter, {});
}

// Who they are, as far as policy cannot judge by their addresses alone. False where there is no answer.
task<bool> watcher::identify(const std::vector<mailbox_address>& whom)
{
    if (parts_.policy.allows_operation(operation).has_error())
        co_return true;
    const auto some = exchange_access::strangers(parts_.policy, parts_.recipients,
                                                 std::span<const mailbox_address>(whom), parts_.time.now());
    for (const auto& m : some) {
        const auto permit = co_await permit_to_ask();
        if (!permit.is_granted())
            co_return false;
        auto found = co_await exchange_access::look_up_recipient(parts_.exchange, m, request_);
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            co_return false;
        note(found, permit);
        if (found.has_error())
            co_return false;
        parts_.recipients.learn(m, *std::move(found), parts_.time.now());
    }
    co_return true;
}

// False where there is no answer; then the gate knows why.
task<bool> watcher::ask(exchange_access::availability_question& question)
{
    while (question.parts_left() > 0) {
        const auto part = question.take_part();
        const auto permit = co_await permit_to_ask();
        if (!permit.is_granted())
            co_return false;
        auto [whom, numbers] = question.still_allowed(part, [this](const mailbox_address& m) {
            const auto allowed = parts_.policy.allows_operation(operation);
            return allowed.has_error() ? allowed
                                       : exchange_access::allows_free_busy(parts_.policy, parts_.recipients,
                                                                           m, parts_.time.now());
        });
        if (whom.empty())
            continue;
        const auto limit = question.is_about_several() ? request_ / limit_shares : request_;
        auto got = co_await parts_.exchange.availability(std::move(whom), part.start, part.end, limit);
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            co_return false; // what it ended with says nothing about the server
        note(got, permit);
        if (got.has_value())
            question.take_in(part, numbers, *got);
        else if (!question.ask_for_less(part, numbers, got.error().fault) &&
                 !is_narrowed_down(question, part, numbers, got.error())) {
            if (got.error().retry_action != ews::retry_action::give_up)
                co_return false;
            question.fail(numbers, got.error().fault); // the next time, too
        }
    }
    co_return true;
}

// True where one of several mailboxes may have failed the part: smaller lists follow, or it has its own answer.
bool watcher::is_narrowed_down(exchange_access::availability_question& question,
                               const exchange_access::availability_part& part,
                               const std::vector<std::size_t>& numbers, const ews::error& e)
{
    using blame = exchange_access::availability_question::blame;
    return e.of_mailboxes &&
           question.narrow_down(part, numbers, e.fault, e.retry_action == ews::retry_action::give_up,
                                [this](const mailbox_address& m) {
                                    parts_.quarantine.add(m, parts_.time.now());
                                }) == blame::mailbox;
}

task<bool> watcher::publish(std::vector<store::observation> seen)
{
    if (seen.empty())
        co_return true;
    const auto count = seen.size();
    const auto published = co_await parts_.out.publish(std::move(seen));
    store_.note(published.has_error() ? published.error() : error_code());
    if (published.has_error())
        co_return false;
    parts_.log.debug("watch: {} mailboxes changed", count);
    co_return true;
}

} // namespace relay::watch
