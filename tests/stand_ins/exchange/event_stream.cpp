#include "tests/stand_ins/exchange/event_stream.hpp"

#include "tests/stand_ins/exchange/soap.hpp"

#include <algorithm>

namespace relay::exchange_sim {
namespace {

constexpr std::string_view message = "m:GetStreamingEventsResponseMessage";

std::string in_envelope(const product& server, std::string_view messages)
{
    std::string body = R"(<m:GetStreamingEventsResponse xmlns:m=")";
    body.append(messages_namespace).append(R"(" xmlns:t=")").append(types_namespace);
    body.append(R"("><m:ResponseMessages>)").append(messages);
    body.append("</m:ResponseMessages></m:GetStreamingEventsResponse>");
    return envelope(server, body);
}

std::string success(std::string_view content)
{
    std::string text = "<";
    text.append(message).append(R"( ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>)");
    return text.append(content).append("</").append(message).append(">");
}

} // namespace

std::string stream_error(const product& server, const streaming_rules& rules, std::string_view code,
                         std::span<const std::string> ids, std::string_view notifications)
{
    const std::string_view id_element = rules.as_seen ? "m:SubscriptionId" : "t:SubscriptionId";
    std::string text = "<";
    text.append(message).append(R"( ResponseClass="Error"><m:MessageText>The stream ends.</m:MessageText>)");
    text.append("<m:ResponseCode>").append(code).append("</m:ResponseCode>");
    text.append("<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>");
    if (!ids.empty()) {
        text.append("<m:ErrorSubscriptionIds>");
        for (const auto& id : ids) {
            text.append("<").append(id_element).append(">");
            escape_to(text, id);
            text.append("</").append(id_element).append(">");
        }
        text.append("</m:ErrorSubscriptionIds>");
    }
    return in_envelope(server, text.append(notifications).append("</").append(message).append(">"));
}

event_stream::event_stream(subscription_desk& desk, std::vector<std::string> ids, int minutes)
    : desk_(desk),
      ids_(std::move(ids)),
      wake_(desk.executor_),
      close_at_(desk.time_.now() + minutes * desk.rules.minute),
      heartbeat_at_(desk.time_.now() + desk.rules.heartbeat)
{
    desk_.streams_.push_back(this);
    for (const auto& id : ids_)
        desk_.subscriptions_.at(id).read = true;
}

event_stream::~event_stream()
{
    desk_.streams_.remove(this);
    for (const auto& id : ids_)
        if (const auto found = desk_.subscriptions_.find(id); found != desk_.subscriptions_.end()) {
            const bool by_another = std::ranges::any_of(
                desk_.streams_, [&](const event_stream* s) { return !s->over_ && s->reads(id); });
            found->second.read = by_another;
            found->second.unread_since = desk_.time_.now();
        }
}

bool event_stream::reads(const std::string& id) const
{
    return std::ranges::find(ids_, id) != ids_.end();
}

std::string event_stream::status(std::string_view text) const
{
    std::string content = "<m:ConnectionStatus>";
    content.append(text).append("</m:ConnectionStatus>");
    return in_envelope(desk_.server_, success(content));
}

void event_stream::fail(const std::string& code, const std::vector<std::string>& ids)
{
    if (over_)
        return;
    const auto news = desk_.rules.beside && !ids.empty() ? take_notifications() : std::string();
    ready_.push_back({stream_error(desk_.server_, desk_.rules, code, ids, news), false});
    over_ = true;
    wake();
}

void event_stream::act(subscription_desk::act what)
{
    if (over_)
        return;
    if (what == subscription_desk::act::close)
        ready_.push_back({status("Closed"), false});
    if (what == subscription_desk::act::cut) {
        auto text = status("OK");
        text.resize(text.size() / 2);
        ready_.push_back({std::move(text), true});
    }
    over_ = true;
    wake();
}

std::string event_stream::take_notifications()
{
    const std::string_view notification = desk_.rules.as_seen ? "m:Notification" : "t:Notification";
    std::string content;
    for (const auto& id : ids_) {
        const auto found = desk_.subscriptions_.find(id);
        if (found == desk_.subscriptions_.end() || found->second.pending.empty())
            continue;
        content.append("<").append(notification).append("><t:SubscriptionId>").append(id);
        content.append("</t:SubscriptionId><t:MoreEvents>false</t:MoreEvents>");
        for (const auto& event : found->second.pending)
            content.append(event);
        content.append("</").append(notification).append(">");
        found->second.pending.clear();
    }
    return content.empty() ? content : "<m:Notifications>" + content + "</m:Notifications>";
}

task<live_piece> event_stream::next()
{
    using namespace asio::experimental::awaitable_operators;
    for (;;) {
        if (!opened_ && !desk_.rules.silent) {
            opened_ = true;
            co_return live_piece{status("OK"), false};
        }
        if (!ready_.empty()) {
            auto first = std::move(ready_.front());
            ready_.pop_front();
            co_return first;
        }
        if (over_)
            co_return live_piece{};
        const auto now = desk_.time_.now();
        if (!desk_.rules.silent) {
            if (const auto news = take_notifications(); !news.empty()) {
                heartbeat_at_ = now + desk_.rules.heartbeat;
                co_return live_piece{in_envelope(desk_.server_, success(news)), false};
            }
            if (now >= close_at_) {
                act(subscription_desk::act::close);
                continue;
            }
            if (now >= heartbeat_at_) {
                heartbeat_at_ = now + desk_.rules.heartbeat;
                co_return live_piece{status("OK"), false};
            }
        }
        const duration patience =
            desk_.rules.silent ? duration(1h) : std::min(close_at_, heartbeat_at_) - now;
        const auto woken = co_await (wake_.wait() || desk_.time_.sleep_for(patience));
        const auto ended = woken.index() == 0 ? std::get<0>(woken) : std::get<1>(woken);
        if (ended)
            co_return live_piece{};
    }
}

} // namespace relay::exchange_sim
