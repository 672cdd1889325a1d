// The words that EWS requests and answers share: operations, property names, and our enumerations as EWS
// spells them.
#pragma once

#include "agent/ews/exchange.hpp"

#include <array>
#include <optional>
#include <string_view>

namespace relay::ews {

enum class operation {
    resolve_names,
    get_folder,
    find_folder,
    get_user_availability,
    find_item,
    get_item,
    create_item,
    update_item,
    delete_item,
    subscribe,
    get_streaming_events,
    unsubscribe,
};

// "CreateItem": the name in FACTS, in metrics and in the answer ("CreateItemResponse").
std::string_view name(operation op) noexcept;
constexpr bool is_write(operation op) noexcept
{
    return op == operation::create_item || op == operation::update_item || op == operation::delete_item;
}

// The property set of the marks (PROTOCOL.md) and of our own notes on an item.
inline constexpr const char* property_set = "6e2a1f0c-3c1b-4a58-9d0e-5f3b7c2a9e41";

namespace property {
inline constexpr const char* event_id = "WorkestraEventId";
inline constexpr const char* command_id = "WorkestraCommandId";
inline constexpr const char* iana_zone = "WorkestraTimeZone";
inline constexpr const char* online_meeting_url = "WorkestraOnlineMeetingUrl";
inline constexpr const char* location_filled = "WorkestraLocationFilled"; // "true" or "false"
inline constexpr const char* body_note = "WorkestraBody"; // see agent/commands/meeting_body.hpp
inline constexpr const char* born_uid = "WorkestraUid";   // the calendar:UID that the create gave
inline constexpr std::array all{event_id,        command_id, iana_zone, online_meeting_url,
                                location_filled, body_note,  born_uid};
} // namespace property

const char* legacy_free_busy_status(protocol::show_as s) noexcept;
// NoData and what we do not know count as busy: the time is taken.
protocol::show_as show_as_of(std::string_view legacy_free_busy_status) noexcept;
// Nothing for Free, which is left out of answers; what we do not know counts as busy.
std::optional<busy_status> busy_status_of(std::string_view busy_type) noexcept;
// Of one interval in MergedFreeBusy; nothing for '0', free.
std::optional<busy_status> busy_status_of_digit(char digit) noexcept;
answer answer_of(std::string_view response_type) noexcept;

} // namespace relay::ews
