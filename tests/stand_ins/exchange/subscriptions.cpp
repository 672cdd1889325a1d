#include "tests/stand_ins/exchange/subscriptions.hpp"

#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "tests/stand_ins/exchange/event_stream.hpp"
#include "tests/stand_ins/exchange/folders.hpp"
#include "tests/stand_ins/exchange/item_shape.hpp"
#include "tests/stand_ins/exchange/refusal.hpp"

#include <algorithm>

namespace relay::exchange_sim {
namespace {

constexpr std::size_t most_pending = 1000; // events that nobody reads
constexpr std::string_view cookie_prefix = "EX";
constexpr std::string_view cookie_rest = "~1942065310";

// One event element: when, what (written by `put`), and the folder it is in.
template <class Put>
std::string event(std::string_view type, utc_time at, Put put)
{
    std::string text = "<t:";
    text.append(type).append("><t:TimeStamp>").append(format_rfc3339(at)).append("</t:TimeStamp>");
    put(text);
    return text.append("</t:").append(type).append(">");
}

std::string item_event(std::string_view type, const calendar_item& item, utc_time at)
{
    return event(type, at, [&](std::string& out) {
        put_item_id(out, item);
        put_folder_id(out, *item.owner, item.folder, "ParentFolderId");
    });
}

std::string folder_event(const mailbox& of, folder_kind folder, utc_time at)
{
    return event("ModifiedEvent", at, [&](std::string& out) {
        put_folder_id(out, of, folder);
        put_folder_id(out, of, traits_of(of, folder).parent, "ParentFolderId");
        put(out, "UnreadCount", std::int64_t{0});
    });
}

} // namespace

subscription_desk::subscription_desk(asio::any_io_executor executor, const product& server,
                                     mailbox_store& store, time_source& time)
    : executor_(std::move(executor)),
      server_(server),
      store_(store),
      time_(time)
{
    store_.on_change([this](const item_change& change) { on_change(change); });
}

subscription_desk::~subscription_desk()
{
    store_.on_change({});
}

std::string subscription_desk::cookie_of(std::size_t back_end)
{
    return std::string(cookie_prefix) + std::to_string(back_end) + std::string(cookie_rest);
}

std::optional<std::size_t> subscription_desk::route(const affinity_wish& wish, const mailbox* acting) const
{
    const auto back_ends = std::max<std::size_t>(1, rules.back_ends);
    if (wish.preferred && !wish.cookie.empty()) {
        for (std::size_t n = 0; n < back_ends; ++n)
            if (wish.cookie == cookie_of(n))
                return n;
        return std::nullopt;
    }
    const auto* anchor = wish.anchor.empty() ? nullptr : store_.find_mailbox(wish.anchor);
    const auto* nearest = anchor ? anchor : acting;
    return nearest ? nearest->number % back_ends : 0;
}

std::string subscription_desk::subscribe(subscription wanted)
{
    drop_unread();
    if (subscriptions_.size() >= rules.most_subscriptions)
        refuse_item("ErrorExceededSubscriptionCount",
                    "You have exceeded the available subscriptions for your account. Remove unnecessary "
                    "subscriptions and try your request again.");
    const auto name = "EX" + std::to_string(wanted.back_end) + ".corp.example";
    wanted.id = to_base64(static_cast<char>(name.size()) + std::string(1, '\0') + name +
                          std::to_string(++serial_) + "/" + wanted.of->key);
    wanted.unread_since = time_.now();
    auto id = wanted.id;
    subscriptions_.emplace(id, std::move(wanted));
    return id;
}

void subscription_desk::unsubscribe(const std::string& id, std::optional<std::size_t> back_end)
{
    drop_unread();
    const auto found = subscriptions_.find(id);
    if (found == subscriptions_.end() || found->second.back_end != back_end)
        refuse_item("ErrorSubscriptionNotFound", "The subscription was not found.");
    for (auto* s : streams_)
        if (s->reads(id))
            s->fail("ErrorSubscriptionUnsubscribed", {id});
    subscriptions_.erase(found);
}

std::string subscription_desk::why_not(const std::vector<std::string>& ids, const mailbox* acting,
                                       std::optional<std::size_t> back_end)
{
    std::vector<std::string> unknown, lost, foreign;
    for (const auto& id : ids) {
        const auto found = subscriptions_.find(id);
        if (found == subscriptions_.end() || found->second.back_end != back_end)
            unknown.push_back(id);
        else if (found->second.of->key == rules.always_lost)
            lost.push_back(id);
        else if (rules.own_only && found->second.of != acting)
            foreign.push_back(id);
    }
    if (!unknown.empty() || rules.forgets_cookies)
        return stream_error(server_, rules, "ErrorSubscriptionNotFound",
                            rules.forgets_cookies ? ids : unknown);
    for (const auto& id : lost)
        subscriptions_.erase(id);
    if (!lost.empty())
        return stream_error(server_, rules, "ErrorInvalidSubscription", lost);
    return foreign.empty() ? std::string() : stream_error(server_, rules, "ErrorAccessDenied", {});
}

std::shared_ptr<live_answer> subscription_desk::open(const std::vector<std::string>& ids, int minutes,
                                                     const mailbox* acting,
                                                     std::optional<std::size_t> back_end,
                                                     std::string& refused)
{
    drop_unread();
    refused = why_not(ids, acting, back_end);
    if (!refused.empty())
        return nullptr;
    for (auto* s : streams_) {
        std::vector<std::string> taken;
        std::ranges::copy_if(ids, std::back_inserter(taken), [s](const auto& id) { return s->reads(id); });
        if (!taken.empty())
            s->fail("ErrorNewEventStreamConnectionOpened", taken);
    }
    const auto open_ones =
        std::ranges::count_if(streams_, [](const event_stream* s) { return s->goes_on(); });
    if (static_cast<std::size_t>(open_ones) >= rules.most_streams) {
        refused = stream_error(server_, rules, "ErrorExceededConnectionCount", {});
        return nullptr;
    }
    return std::make_shared<event_stream>(*this, ids, minutes);
}

void subscription_desk::lose(const mailbox* of, const std::string& code)
{
    std::vector<std::string> gone;
    for (const auto& [id, s] : subscriptions_)
        if (!of || s.of == of)
            gone.push_back(id);
    for (auto* s : streams_) {
        std::vector<std::string> of_stream;
        std::ranges::copy_if(gone, std::back_inserter(of_stream),
                             [s](const auto& id) { return s->reads(id); });
        if (!of_stream.empty())
            s->fail(code, of_stream);
    }
    for (const auto& id : gone)
        subscriptions_.erase(id);
}

void subscription_desk::act_on_streams(act what)
{
    for (auto* s : streams_)
        s->act(what);
}

void subscription_desk::fail_streams(const std::string& code)
{
    for (auto* s : streams_)
        s->fail(code, {});
}

void subscription_desk::rules_changed()
{
    for (auto* s : streams_)
        s->wake();
}

void subscription_desk::drop_unread()
{
    const auto now = time_.now();
    std::erase_if(subscriptions_, [&](const auto& entry) {
        return !entry.second.read && now - entry.second.unread_since > rules.unread_life;
    });
}

// One thing that somebody does is several events: the item, what assistants do to it, the folder's counts.
void subscription_desk::on_change(const item_change& change)
{
    const auto& item = change.item;
    const auto& of = *item.owner;
    const auto now = time_.utc_now();
    const auto again = item_event("ModifiedEvent", item, now);
    switch (change.what) {
    case item_change::kind::created:
        tell(of, {item.folder}, "CreatedEvent", item_event("CreatedEvent", item, now));
        tell(of, {item.folder}, "ModifiedEvent", again);
        break;
    case item_change::kind::modified:
        tell(of, {item.folder}, "ModifiedEvent", again);
        tell(of, {item.folder}, "ModifiedEvent", again);
        break;
    case item_change::kind::touched:
        tell(of, {item.folder}, "ModifiedEvent", again);
        return;
    case item_change::kind::moved:
        tell(of, {change.old_folder, item.folder}, "MovedEvent",
             event("MovedEvent", now, [&](std::string& out) {
                 put_item_id(out, item);
                 put_folder_id(out, of, item.folder, "ParentFolderId");
                 out.append("<t:OldItemId");
                 put_attribute(out, "Id", change.old_id);
                 put_attribute(out, "ChangeKey", item.change_key);
                 out.append("/>");
                 put_folder_id(out, of, change.old_folder, "OldParentFolderId");
             }));
        tell(of, {change.old_folder}, "ModifiedEvent", folder_event(of, change.old_folder, now));
        break;
    case item_change::kind::deleted:
        tell(of, {item.folder}, "DeletedEvent", item_event("DeletedEvent", item, now));
        break;
    }
    tell(of, {item.folder}, "ModifiedEvent", folder_event(of, item.folder, now));
}

void subscription_desk::tell(const mailbox& of, std::initializer_list<folder_kind> folders,
                             std::string_view type, const std::string& text)
{
    std::vector<std::string> missed;
    for (auto& [id, s] : subscriptions_) {
        const auto wanted = [&s](folder_kind f) {
            return std::ranges::find(s.folders, f) != s.folders.end();
        };
        if (s.of != &of || !s.event_types.contains(type) ||
            (!s.folders.empty() && std::ranges::none_of(folders, wanted)))
            continue;
        s.pending.push_back(text);
        if (s.pending.size() > most_pending)
            missed.push_back(id);
    }
    for (auto* s : streams_)
        s->wake();
    for (const auto& id : missed) {
        for (auto* s : streams_)
            if (s->reads(id))
                s->fail("ErrorMissedNotificationEvents", {id});
        subscriptions_.erase(id);
    }
}

} // namespace relay::exchange_sim
