// The parts of t:CalendarItem, each written in one place for CreateItem and UpdateItem. Internal to
// agent/ews.
#pragma once

#include "agent/ews/exchange.hpp"
#include "agent/ews/soap_request.hpp"

namespace relay::ews {

struct attendee_group {
    const char* element; // "t:RequiredAttendees"
    const char* field;   // "calendar:RequiredAttendees"
    protocol::attendee_role role;
};

inline constexpr std::array<attendee_group, 3> attendee_groups{{
    {"t:RequiredAttendees", "calendar:RequiredAttendees", protocol::attendee_role::required},
    {"t:OptionalAttendees", "calendar:OptionalAttendees", protocol::attendee_role::optional},
    {"t:Resources", "calendar:Resources", protocol::attendee_role::resource},
}};

void add_sensitivity(pugi::xml_node item, bool is_private);
void add_body(pugi::xml_node item, const protocol::event_body& body);
void add_categories(pugi::xml_node item, const std::vector<std::string>& categories); // not empty
void add_zone(pugi::xml_node item, const char* element, std::string_view windows_zone);
void add_property(pugi::xml_node item, const char* property, std::string_view value);
// True where somebody of `group` is among `attendees`: an empty list is illegal in the schema.
bool has_any(const std::vector<protocol::attendee>& attendees, const attendee_group& group);
void add_attendees(pugi::xml_node item, const std::vector<protocol::attendee>& attendees,
                   const attendee_group& group);

inline const char* boolean(bool b) noexcept
{
    return b ? "true" : "false";
}

} // namespace relay::ews
