// What is sent to Exchange: pure functions from our values to complete SOAP envelopes (UTF-8), valid against
// the Exchange2013_SP1 schema. Texts must be what XML 1.0 can carry; what is not is dropped.
#pragma once

#include "agent/ews/exchange.hpp"
#include "agent/ews/notifications.hpp"
#include "agent/ews/vocabulary.hpp"

#include <span>
#include <string>
#include <string_view>

namespace relay::ews {

// Looks `entry` up in the directory; the exact address where it is "smtp:…". As `impersonated` where not
// null.
std::string write_resolve_names(std::string_view entry, const mailbox_address* impersonated = nullptr);
// What to look up for the service account `username` (DOMAIN\user, user@domain, or empty for the process's
// own).
std::string resolvable_name(std::string_view username);

// GetFolder of one of the mailbox's own folders: "calendar" is the cheapest proof that impersonation works.
std::string write_open_folder(const mailbox_address& mailbox, std::string_view folder);

// The window as it goes on the wire, which counts in seconds: covers what was asked, in whole merge intervals, and is
// never shorter than two of them (ErrorInvalidMergedFreeBusyInterval) nor longer than max_availability_window.
struct availability_window {
    utc_time start, end;
    std::chrono::minutes merge_interval{5};
};
availability_window window_for(utc_time start, utc_time end);
std::string write_availability(std::span<const mailbox_address> mailboxes, const availability_window& window);

// Where the search of a folder goes on.
struct find_position {
    item_location folder;
    int offset = 0;
    std::string id = {}; // empty: the calendar, or Deleted Items
    bool has_refused = false;
    bool is_witness = false; // asked only to see whether the mailbox answers: what it holds is not wanted
};
inline constexpr int find_page_size = 100; // below 250, the most a search with a restriction yields at once
// The folders' answers come in their order. All stand at the same offset: a request has one.
std::string write_find(const mailbox_address& mailbox, std::string_view event_id,
                       std::span<const find_position> folders);

// GetFolder of the calendar and of Deleted Items, in this order: which ids they have.
std::string write_usual_folders(const mailbox_address& mailbox);
// FindFolder: all folders that people see, however deep, with their parents.
inline constexpr int folder_page_size = 500;
std::string write_find_folders(const mailbox_address& mailbox, int offset);
std::string write_get(const mailbox_address& mailbox, const item_ref& ref);
// GetItem of several, of what item_state holds.
std::string write_states(const mailbox_address& mailbox, std::span<const std::string> item_ids);
std::string write_create(const mailbox_address& mailbox, const item_fields& fields, const marks& m,
                         std::string_view uid, protocol::notify notify);
std::string write_update(const mailbox_address& mailbox, const item_ref& ref, const item_fields& fields,
                         std::string_view command_id, protocol::notify notify);
// Subscribe to what happens in the mailbox's calendar.
std::string write_subscribe(const mailbox_address& mailbox);
// As `anchor`, whichever mailboxes the subscriptions are of. At most max_stream_subscriptions, for 1 to 30 minutes.
std::string write_streaming_events(const mailbox_address& anchor, std::span<const std::string> subscriptions,
                                   std::chrono::minutes length);
std::string write_unsubscribe(const mailbox_address& anchor, std::string_view subscription);
std::string write_remove(const mailbox_address& mailbox, const item_ref& ref, protocol::notify notify);

} // namespace relay::ews
