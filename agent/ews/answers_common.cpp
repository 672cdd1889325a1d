// What all answers have in common: response messages, and how items are named and marked.
#include "agent/ews/answers.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>

#include <charconv>

namespace relay::ews {
namespace {

// What lies at `at` of `hex`, two digits a byte, up to a zero or to what is no digit.
std::string text_in_hex(std::string_view hex, std::size_t at)
{
    std::string text;
    for (; at + 2 <= hex.size(); at += 2) {
        unsigned byte = 0;
        const auto [end, ec] = std::from_chars(hex.data() + at, hex.data() + at + 2, byte, 16);
        if (ec != std::errc{} || end != hex.data() + at + 2 || byte == 0)
            break;
        text += static_cast<char>(byte);
    }
    return text;
}

} // namespace

using protocol::fault_code;

outcome<std::vector<pugi::xml_node>> response_messages(const soap_answer& a, std::size_t expected,
                                                       const call& c)
{
    const auto response = a.operation();
    if (local_name(response) != std::string(name(c.operation)) + "Response")
        return failed_call(
            c, fault_code::exchange_unavailable, retry_action::retry,
            fmt::format("Exchange's answer is not one to {}; a proxy may have mixed answers up",
                        name(c.operation)));
    std::vector<pugi::xml_node> messages;
    const auto list = child(response, "ResponseMessages");
    for (auto node = list.first_child(); node; node = node.next_sibling())
        if (local_name(node).ends_with("ResponseMessage"))
            messages.push_back(node);
    if (messages.size() != expected)
        return failed_call(
            c, fault_code::exchange_unavailable, retry_action::retry,
            fmt::format("Exchange answered {} of {} parts of the request", messages.size(), expected));
    return messages;
}

bool succeeded(pugi::xml_node message) noexcept
{
    const std::string_view result = message.attribute("ResponseClass").value();
    const auto code = trimmed(child(message, "ResponseCode"));
    if (result == "Success")
        return true;
    return (result == "Warning" || result.empty()) && code == "NoError";
}

outcome<pugi::xml_node> only_message(const soap_answer& a, const call& c)
{
    auto messages = response_messages(a, 1, c);
    if (messages.has_error())
        return messages.error();
    if (!succeeded(messages->front()))
        return classify_message(messages->front(), c);
    return messages->front();
}

item_ref ref_of(pugi::xml_node item)
{
    const auto id = child(item, "ItemId");
    return {id.attribute("Id").value(), id.attribute("ChangeKey").value()};
}

std::string uid_of(pugi::xml_node item)
{
    constexpr std::string_view global_object_id = "040000008200e00074c5b7101a82e008";
    constexpr std::string_view foreign = "7643616c2d55696401000000"; // "vCal-Uid", 1
    constexpr std::size_t data = 80; // after a date, a creation time, a reserve and the length
    auto uid = trimmed(child(item, "UID"));
    const auto hex = ascii_lower(uid);
    if (hex.starts_with(global_object_id) && hex.size() > data && hex.substr(data).starts_with(foreign))
        if (auto given = text_in_hex(hex, data + foreign.size()); !given.empty())
            return given;
    return std::string(uid);
}

bool is_series(pugi::xml_node item)
{
    return trimmed(child(item, "CalendarItemType")) == "RecurringMaster";
}

std::optional<bool> boolean_of(std::string_view text) noexcept
{
    if (text == "true" || text == "1")
        return true;
    if (text == "false" || text == "0")
        return false;
    return std::nullopt;
}

std::optional<std::string> property_of(pugi::xml_node item, std::string_view name)
{
    std::optional<std::string> value;
    for (auto node = item.first_child(); node; node = node.next_sibling()) {
        if (local_name(node) != "ExtendedProperty")
            continue;
        const auto path = child(node, "ExtendedFieldURI");
        if (name != path.attribute("PropertyName").value() ||
            !ascii_iequals(path.attribute("PropertySetId").value(), property_set))
            continue;
        value = text_of(child(node, "Value"));
        if (!value->empty()) // some servers list a property twice, once without its value
            break;
    }
    return value;
}

} // namespace relay::ews
