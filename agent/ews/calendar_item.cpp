#include "agent/ews/calendar_item.hpp"

#include <algorithm>

namespace relay::ews {

void add_sensitivity(pugi::xml_node item, bool is_private)
{
    add(item, "t:Sensitivity", is_private ? "Private" : "Normal");
}

void add_body(pugi::xml_node item, const protocol::event_body& body)
{
    set(add(item, "t:Body", body.content), "BodyType",
        body.format == protocol::body_format::html ? "HTML" : "Text");
}

void add_categories(pugi::xml_node item, const std::vector<std::string>& categories)
{
    auto list = add(item, "t:Categories");
    for (const auto& category : categories)
        add(list, "t:String", category);
}

void add_zone(pugi::xml_node item, const char* element, std::string_view windows_zone)
{
    set(add(item, element), "Id",
        windows_zone); // Id alone: Exchange knows the rules, half a definition is refused
}

void add_property(pugi::xml_node item, const char* property, std::string_view value)
{
    auto node = add(item, "t:ExtendedProperty");
    add_property_path(node, property);
    add(node, "t:Value", value);
}

bool has_any(const std::vector<protocol::attendee>& attendees, const attendee_group& group)
{
    return std::ranges::any_of(attendees, [&](const auto& a) { return a.role == group.role; });
}

void add_attendees(pugi::xml_node item, const std::vector<protocol::attendee>& attendees,
                   const attendee_group& group)
{
    auto list = add(item, group.element);
    for (const auto& a : attendees) {
        if (a.role != group.role)
            continue;
        auto mailbox = add(add(list, "t:Attendee"), "t:Mailbox");
        if (!a.name.empty())
            add(mailbox, "t:Name", a.name);
        add(mailbox, "t:EmailAddress", a.email.str());
        add(mailbox, "t:RoutingType", "SMTP");
    }
}

} // namespace relay::ews
