// GetItem's answer: a calendar item in the protocol's terms.
#include "agent/ews/answers.hpp"
#include "agent/ews/calendar_item.hpp"
#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"

#include <charconv>

namespace relay::ews {
namespace {

using protocol::fault_code;

bool is_true(pugi::xml_node element)
{
    return boolean_of(trimmed(element)) == true;
}

std::optional<std::string> optional_text(pugi::xml_node element)
{
    auto text = text_of(element);
    return text.empty() ? std::nullopt : std::optional(std::move(text));
}

std::optional<std::string> optional_property(pugi::xml_node node, std::string_view name)
{
    auto value = property_of(node, name);
    return value && value->empty() ? std::nullopt : value;
}

std::optional<protocol::event_body> body_of(pugi::xml_node node)
{
    const auto element = child(node, "Body");
    auto content = text_of(element);
    if (content.empty())
        return std::nullopt;
    const bool html = std::string_view(element.attribute("BodyType").value()) == "HTML";
    return protocol::event_body{html ? protocol::body_format::html : protocol::body_format::text,
                                std::move(content)};
}

std::optional<int> reminder_of(pugi::xml_node node)
{
    if (!is_true(child(node, "ReminderIsSet")))
        return std::nullopt;
    const auto text = trimmed(child(node, "ReminderMinutesBeforeStart"));
    int minutes = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), minutes);
    return ec == std::errc{} && end == text.data() + text.size() ? minutes : 0;
}

struct listed_attendee {
    protocol::attendee who;
    answer response;
};

std::vector<listed_attendee> attendees_of(pugi::xml_node node)
{
    std::vector<listed_attendee> all;
    for (const auto& group : attendee_groups) {
        const auto list = child(node, std::string_view(group.element).substr(2)); // without "t:"
        for (auto attendee = list.first_child(); attendee; attendee = attendee.next_sibling()) {
            const auto mailbox = child(attendee, "Mailbox");
            const auto address = mailbox_address::parse(trimmed(child(mailbox, "EmailAddress")));
            const auto response = trimmed(child(attendee, "ResponseType"));
            // Left out: the organizer, whom some versions list, and addresses of other kinds (a legacy name, a
            // fax).
            if (address.has_error() || response == "Organizer")
                continue;
            all.push_back({{*address, text_of(child(mailbox, "Name")), group.role}, answer_of(response)});
        }
    }
    return all;
}

pugi::xml_node item_in(pugi::xml_node message)
{
    auto node = child(message, "Items").first_child();
    while (node && node.type() != pugi::node_element)
        node = node.next_sibling();
    return node;
}

error lacks_times(const call& c)
{
    auto e = failed_call(c, fault_code::exchange_unavailable, retry_action::give_up,
                         "Exchange's answer lacks the calendar item, or its start and end");
    e.may_pass = true;
    return e;
}

void read_fields(pugi::xml_node node, protocol::event_fields& f)
{
    f.subject = text_of(child(node, "Subject"));
    f.body = body_of(node);
    f.location = optional_text(child(node, "Location"));
    f.show_as = show_as_of(trimmed(child(node, "LegacyFreeBusyStatus")));
    f.reminder_minutes = reminder_of(node);
    f.is_private = trimmed(child(node, "Sensitivity")) == "Private";
    const auto categories = child(node, "Categories");
    for (auto category = categories.first_child(); category; category = category.next_sibling())
        if (local_name(category) == "String")
            f.categories.push_back(text_of(category));
    f.time_zone = optional_property(node, property::iana_zone);
    f.online_meeting_url = optional_property(node, property::online_meeting_url);
}

} // namespace

outcome<item> read_item(const soap_answer& a, const call& c)
{
    const auto message = only_message(a, c);
    if (message.has_error())
        return message.error();
    const auto node = item_in(*message);
    const auto start = parse_xml_time(trimmed(child(node, "Start")));
    const auto end = parse_xml_time(trimmed(child(node, "End")));
    item i;
    i.ref = ref_of(node);
    if (i.ref.id.empty() || start.has_error() || end.has_error())
        return lacks_times(c);
    i.uid = uid_of(node);
    i.born_uid = property_of(node, property::born_uid).value_or(std::string{});
    i.series = is_series(node);
    i.event_id = property_of(node, property::event_id).value_or(std::string{});
    i.command_id = property_of(node, property::command_id).value_or(std::string{});
    i.location_filled = property_of(node, property::location_filled) == "true";
    i.windows_zone = child(node, "StartTimeZone").attribute("Id").value();
    i.windows_end_zone = child(node, "EndTimeZone").attribute("Id").value();
    i.body_note = property_of(node, property::body_note).value_or(std::string{});
    i.cancelled = is_true(child(node, "IsCancelled"));
    i.invited = boolean_of(trimmed(child(node, "MeetingRequestWasSent")));
    i.fields.start = *start;
    i.fields.end = *end;
    read_fields(node, i.fields);
    for (auto& one : attendees_of(node)) {
        i.answers.push_back({one.who.email.str(), one.response});
        i.fields.attendees.push_back(std::move(one.who));
    }
    return i;
}

outcome<std::vector<outcome<item_state>>> read_states(const soap_answer& a, std::size_t expected,
                                                      const call& c)
{
    const auto messages = response_messages(a, expected, c);
    if (messages.has_error())
        return messages.error();
    std::vector<outcome<item_state>> states;
    std::size_t to_retry = 0;
    for (const auto& message : *messages) {
        if (!succeeded(message)) {
            auto e = classify_message(message, c);
            if (e.fault.exchange == "ErrorBatchProcessingStopped" && !states.empty())
                break; // this one has not been looked at
            // Of what one item alone has, the others need not suffer.
            const bool of_one =
                e.retry_action == retry_action::give_up || e.retry_action == retry_action::retry;
            to_retry +=
                e.retry_action == retry_action::retry && e.fault.exchange != "ErrorItemNotFound" ? 1 : 0;
            if (!of_one || to_retry == messages->size())
                return e;
            states.emplace_back(std::move(e));
            continue;
        }
        const auto node = item_in(message);
        const auto start = parse_xml_time(trimmed(child(node, "Start")));
        const auto end = parse_xml_time(trimmed(child(node, "End")));
        if (start.has_error() || end.has_error()) {
            states.emplace_back(lacks_times(c));
            continue;
        }
        item_state s{*start,
                     *end,
                     {},
                     is_true(child(node, "IsCancelled")),
                     property_of(node, property::command_id).value_or(std::string{}),
                     uid_of(node),
                     property_of(node, property::born_uid).value_or(std::string{}),
                     is_series(node)};
        for (const auto& one : attendees_of(node))
            s.answers.push_back({one.who.email.str(), one.response});
        states.emplace_back(std::move(s));
    }
    return states;
}

} // namespace relay::ews
