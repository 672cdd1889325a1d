// A calendar item and the mailbox that holds it, as plain values. mailbox_store keeps them and their indexes.
#pragma once

#include "common/time/time_source.hpp"
#include "tests/stand_ins/exchange/recurrence.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace relay::exchange_sim {

struct mailbox;

// The folders every mailbox has; those that its user made are numbered on from there, in the order made.
enum class folder_kind : std::uint8_t {
    root,
    msgfolderroot,
    calendar,
    deleteditems,
    inbox,
    sentitems,
    drafts,
    outbox,
    junkemail,
    contacts,
    tasks,
};
inline constexpr std::size_t folder_count = 11;
inline constexpr std::size_t most_folders = 100; // of a mailbox

struct attendee {
    std::string email;
    std::string name;
    std::string response = "Unknown"; // ResponseTypeType
};

// The names of extended properties are interned by mailbox_store: equal properties have equal pointers.
using property_key = const std::string*;

struct extended_property {
    property_key key = nullptr;
    std::string name; // as the client called it: what the control interface shows
    std::vector<std::string> values;
};

struct item_body {
    std::string type = "HTML"; // or "Text"
    std::string content;
};

// What kind of thing it is: messages are kept of what was sent.
enum class item_class { appointment, request, cancellation };

// What CalendarItemType says of it; series that are stored have `repeats`, occurrences are only listed.
enum class item_kind { single, occurrence, exception };

struct calendar_item {
    std::string id;           // opaque, case-sensitive, changes when the item moves
    std::string change_key;   // changes with every change
    std::uint64_t serial = 0; // order of arrival in its folder
    mailbox* owner = nullptr;
    folder_kind folder = folder_kind::calendar;

    std::string uid, subject;
    item_body body;
    utc_time start{}, end{};
    std::string start_time_zone, end_time_zone; // Windows ids
    std::string location;
    std::string busy = "Busy"; // LegacyFreeBusyType
    std::string sensitivity = "Normal";
    std::string importance = "Normal";
    bool all_day = false;
    // Exchange reminds of items that say nothing about it, 15 minutes before.
    bool reminder_set = true;
    int reminder_minutes = 15;
    bool response_requested = true;
    bool allow_new_time_proposal = true;
    std::string meeting_workspace_url, net_show_url;
    std::vector<std::string> categories;
    std::vector<attendee> required, optional, resources;
    std::vector<extended_property> properties;
    std::optional<series> repeats; // a series, of which start and end are those of the first occurrence
    item_kind kind = item_kind::single;
    item_class is = item_class::appointment;

    bool by_user = false; // made through the control interface, as if in Outlook
    bool invited = false; // MeetingRequestWasSent
    bool cancelled = false;
    int sequence = 0;
    utc_time created{}, modified{};

    bool is_meeting() const noexcept { return !required.empty() || !optional.empty() || !resources.empty(); }
};

struct folder_contents {
    std::map<std::uint64_t, calendar_item*> by_arrival;
    std::multimap<utc_time, calendar_item*> by_start;
    duration longest{0}; // no single item of the folder ever lasted longer: how far back an overlap can begin
    std::map<std::uint64_t, calendar_item*> series; // by arrival; they are not in by_start
    std::string refuses;             // a ResponseCode that every search of it fails with; empty: none
    bool stops = false;              // and then the folders after it in the request are not looked at
    std::uint64_t refusals_left = 0; // 0: for ever
};

// A folder that the user made.
struct made_folder {
    std::string name, folder_class;
    folder_kind parent;
};

// What the owner lets the service account see of the mailbox's time (Outlook: permissions of the calendar).
enum class free_busy_rights {
    detail,    // subjects and places too
    time,      // the default of an organization: when, not what
    merged,    // nothing but the digits of the merged view
    hidden,    // an answer of type None
    no_access, // ErrorNoFreeBusyAccess
};

struct mailbox {
    std::uint32_t number = 0;
    std::string email, key; // key: lower case
    std::string display_name;
    bool impersonation_allowed = true;
    free_busy_rights rights = free_busy_rights::detail;
    std::string free_busy_failure;    // a ResponseCode that its free/busy time always fails with; empty: none
    bool is_room = false;             // answers invitations by itself: see resource_booking
    bool hidden = false;              // from the address book: names are not resolved to it
    std::vector<std::string> members; // a distribution list, which has no calendar; empty: a mailbox
    std::vector<folder_contents> folders{folder_count};
    std::vector<made_folder> made_folders; // whose contents follow those of the usual ones
    // String properties, by interned name and lower-case value: Exchange compares without case.
    std::unordered_map<std::string, std::vector<calendar_item*>> by_property;

    folder_contents& contents(folder_kind f) noexcept { return folders[static_cast<std::size_t>(f)]; }
    const folder_contents& contents(folder_kind f) const noexcept
    {
        return folders[static_cast<std::size_t>(f)];
    }
};

} // namespace relay::exchange_sim
