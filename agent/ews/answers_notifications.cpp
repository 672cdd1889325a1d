// Answers about subscriptions, and the envelopes of a stream.
#include "agent/ews/answers.hpp"
#include "agent/ews/response_codes.hpp"
#include "common/text/text.hpp"

#include <algorithm>

namespace relay::ews {
namespace {

using protocol::fault_code;

constexpr std::size_t longest_id = 4096; // they are some hundred characters
constexpr std::size_t longest_cookie = 2048;

// Exchange sends StatusEvent where it has nothing to tell.
bool is_change(pugi::xml_node event)
{
    const auto name = local_name(event);
    return name.ends_with("Event") && name != "StatusEvent";
}

// What goes out again with a request, in a header even.
bool is_plain(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != ';' && c != ','; });
}

void read_notifications(pugi::xml_node list, std::vector<std::string>& changed)
{
    for (auto notification = list.first_child(); notification; notification = notification.next_sibling()) {
        bool any = false;
        for (auto event = notification.first_child(); event && !any; event = event.next_sibling())
            any = is_change(event);
        std::string id(trimmed(child(notification, "SubscriptionId")));
        if (any && !id.empty())
            changed.push_back(std::move(id));
    }
    std::ranges::sort(changed);
    changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
}

} // namespace

outcome<std::string> read_subscribed(const soap_answer& a, const call& c)
{
    const auto message = only_message(a, c);
    if (message.has_error())
        return message.error();
    const auto id = trimmed(child(*message, "SubscriptionId"));
    if (id.empty() || id.size() > longest_id)
        return failed_call(c, fault_code::exchange_unavailable, retry_action::retry,
                           "Exchange answered a subscription without an id");
    return std::string(id);
}

outcome<stream_message> read_stream_message(const soap_answer& a, const call& c)
{
    const auto messages = response_messages(a, 1, c);
    if (messages.has_error())
        return messages.error();
    const auto message = messages->front();
    stream_message read;
    if (succeeded(message)) {
        read_notifications(child(message, "Notifications"), read.changed);
        read.closed = trimmed(child(message, "ConnectionStatus")) == "Closed";
        return read;
    }
    const auto ids = child(message, "ErrorSubscriptionIds");
    for (auto id = ids.first_child(); id; id = id.next_sibling())
        if (const auto text = trimmed(id); local_name(id) == "SubscriptionId" && !text.empty())
            read.lost.emplace_back(text);
    auto e = classify_message(message, c);
    if (read.lost.empty())
        return e;
    read_notifications(child(message, "Notifications"), read.changed); // they may stand beside the lost ones
    read.lost_code = std::move(e.fault.exchange);
    return read;
}

outcome<void> read_unsubscribed(const soap_answer& a, const call& c)
{
    const auto message = only_message(a, c);
    if (message.has_error() && verdict_of(message.error().fault.exchange) != verdict::lost_subscription)
        return message.error();
    return {};
}

std::string affinity_cookie(std::span<const std::pair<std::string, std::string>> headers)
{
    constexpr std::string_view name = "X-BackEndOverrideCookie=";
    for (const auto& [key, value] : headers) {
        if (key != "set-cookie" || !ascii_iequals(std::string_view(value).substr(0, name.size()), name))
            continue;
        const auto cookie = trim(std::string_view(value).substr(name.size()));
        const auto text = cookie.substr(0, cookie.find(';'));
        if (!text.empty() && text.size() <= longest_cookie && is_plain(text))
            return std::string(text);
    }
    return {};
}

} // namespace relay::ews
