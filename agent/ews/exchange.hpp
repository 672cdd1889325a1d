// What the agent can ask of an Exchange server, as dispatch sees it. ews_client does it for real; tests
// script it.
#pragma once

#include "agent/protocol/event_fields.hpp"
#include "agent/protocol/fault.hpp"
#include "common/async/async.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay::ews {

// What to do after a failed call. FACTS: every ResponseCode and every HTTP outcome falls in exactly one.
enum class retry_action {
    give_up,     // permanent: answer the fault
    retry,       // transient: try again with backoff
    back_off,    // throttled: not before `back_off` has passed
    sign_in,     // the service account is refused
    out_of_time, // its time was over before it could leave: nothing was sent, and nothing more may be
};

// Whether a write that failed may have been carried out all the same.
enum class effect {
    none,     // it is proven that nothing happened
    possible, // it is over, but may have been done before it was refused: look it up
    unknown,  // it may have been done, or still be: look it up until that is settled
};

struct error {
    protocol::fault fault;
    ews::retry_action retry_action = retry_action::give_up;
    ews::effect effect = effect::none;
    milliseconds back_off{0};  // with retry_action::back_off
    bool whole_server = false; // with back_off: the service account is throttled, not just this mailbox
    bool may_pass =
        false; // with give_up: one such answer may be a mishap, so a write asks again before it ends
    // Of a free/busy request: it went out, and one of the mailboxes in it may be why it failed. Says nothing of the server.
    bool of_mailboxes = false;
};

[[noreturn]] inline void throw_exception_from_error(const error& e, const boost::source_location& where)
{
    protocol::throw_exception_from_error(e.fault, where);
}

template <class T>
using outcome = boost::system::result<T, error>;

struct server_info {
    std::string version;                     // "15.2.1118.7"
    std::string product;                     // "Exchange 2019"
    std::string account_name, account_email; // of the service account, empty where it has no mailbox
};

struct mailbox_info {
    std::string display_name;
};

// Who an address is, as Exchange's address book has it.
struct recipient {
    enum class kind {
        one,     // a mailbox, a room, a contact
        several, // a distribution list, a group
        unknown, // nobody whom it shows
        untold,  // it does not tell this account
    };
    kind what = kind::unknown;
    std::string primary; // its SMTP address
};

enum class busy_status { busy, tentative, oof, working_elsewhere, no_data };

struct busy_period {
    utc_time start, end;
    busy_status status;

    friend bool operator==(const busy_period&, const busy_period&) = default;
};

using mailbox_busy =
    protocol::checked<std::vector<busy_period>>; // one mailbox: its periods, unmerged, or its own fault

struct item_ref {
    std::string id; // opaque, case-sensitive, changes when the item moves to another folder
    std::string change_key;
};

// Where a look-up found an item: in Deleted Items or a folder below it, or anywhere else.
enum class item_location { live, deleted };

// A folder that find_in() can look into.
struct mail_folder {
    std::string id; // opaque, case-sensitive
    item_location where = item_location::live;
};

struct found_item {
    item_ref ref;
    item_location where = item_location::live;
    std::string event_id; // the marks, exactly as Exchange returned them
    std::string command_id;
    std::string uid;                  // calendar:UID; empty where find_in() found it
    std::optional<bool> invited = {}; // its invitations went out; nothing where Exchange did not say
    // The UID that its create gave it: a copy made by hand keeps this note and has another `uid`. Empty: not noted.
    std::string born_uid = {};
    bool series = false; // a RecurringMaster: somebody made a series of it. False where find_in() found it
};

// A folder that cannot be searched, with the error that it answers each time: what lies there is not known.
struct folder_refusal {
    std::string id; // empty: Deleted Items
    error why;
};

struct search_result {
    std::vector<found_item> items;
    // Never the calendar: a mailbox whose calendar refuses cannot be searched at all.
    std::vector<folder_refusal> refused = {};
};

enum class answer { none, accepted, tentative, declined };

struct attendee_answer {
    std::string email;
    answer response = answer::none;
};

// An item as GetItem returns it, in the protocol's terms. body and location are what Exchange holds, link
// included.
struct item {
    item_ref ref;
    std::string uid;
    std::string event_id, command_id;
    std::string born_uid = {}; // as found_item's
    bool series = false;
    protocol::event_fields
        fields; // online_meeting_url and time_zone come from the marks below, where they are
    std::string windows_zone, windows_end_zone; // Ids of StartTimeZone and EndTimeZone, empty where absent
    std::string body_note;                      // what the agent noted of the body it was given
    bool location_filled = false;               // the agent put the URL into the location
    std::vector<attendee_answer> answers;
    bool cancelled = false;
    std::optional<bool> invited; // MeetingRequestWasSent
};

// What others may have changed of an item.
struct item_state {
    utc_time start, end;
    std::vector<attendee_answer> answers;
    bool cancelled = false;
    std::string command_id;              // its mark; empty: none
    std::string uid = {}, born_uid = {}; // as found_item's
    bool series = false;
};

// What to write. The caller has worked out body (with link) and location; times are UTC.
struct item_fields {
    std::optional<std::string> subject;
    std::optional<utc_time> start, end;
    std::optional<std::string> windows_zone;                  // sent with start and end, always
    std::optional<std::string> windows_end_zone;              // absent: the same
    protocol::change<protocol::event_body> body;              // null: emptied
    protocol::change<std::string> location;                   // null: removed
    std::optional<std::vector<protocol::attendee>> attendees; // the whole list
    std::optional<protocol::show_as> show_as;
    protocol::change<int> reminder_minutes; // null: no reminder
    std::optional<bool> is_private;
    std::optional<std::vector<std::string>> categories;
    // Our own notes on the item, in the marks' property set.
    protocol::change<std::string> iana_zone;
    protocol::change<std::string> online_meeting_url;
    protocol::change<std::string> body_note;
    std::optional<bool> location_filled;
};

struct marks {
    std::string event_id;
    std::string command_id;
};

// What bounds a request that changes something.
struct write_bounds {
    duration limit;        // the request itself, as of any other
    steady_time not_after; // from then on none of it may leave: see out_of_time()
};

// How such a request fails that came too late: nothing was sent.
inline error out_of_time()
{
    return {.fault = {protocol::fault_code::deadline_exceeded,
                      "the command's time passed before its request could leave; nothing was sent",
                      {}},
            .retry_action = retry_action::out_of_time};
}

// Each call is one EWS request (a pure read may retry nothing). Waits for a free connection; `limit` bounds
// the request itself. Cancelling the coroutine ends the request. What changes something looks at the time once more just
// before the request leaves.
class exchange {
public:
    virtual ~exchange() = default;

    virtual task<outcome<server_info>> resolve_account(duration limit) = 0; // ResolveNames
    virtual task<outcome<recipient>> find_recipient(const mailbox_address& address, duration limit) = 0;
    virtual task<outcome<mailbox_info>> open_calendar(const mailbox_address& mailbox, duration limit) = 0;
    // At most max_availability_mailboxes and max_availability_window. In the order asked.
    virtual task<outcome<std::vector<mailbox_busy>>>
    availability(std::vector<mailbox_address> mailboxes, utc_time start, utc_time end, duration limit) = 0;

    // All items of calendar and Deleted Items whose WorkestraEventId is exactly `event_id`.
    virtual task<outcome<search_result>> find(const mailbox_address& mailbox, std::string event_id,
                                              duration limit) = 0;
    // All folders of the mailbox but these two. Recoverable Items and an archive are not among them.
    virtual task<outcome<std::vector<mail_folder>>> other_folders(const mailbox_address& mailbox,
                                                                  duration limit) = 0;
    // As find(), in folders that other_folders() told of, at most max_find_folders. One that is gone since
    // holds nothing.
    virtual task<outcome<search_result>> find_in(const mailbox_address& mailbox, std::string event_id,
                                                 std::vector<mail_folder> folders, duration limit) = 0;
    virtual task<outcome<item>> get(const mailbox_address& mailbox, item_ref ref, duration limit) = 0;
    // At most max_states items, in the order asked. An item's own error is that it is not there (ErrorItemNotFound) or
    // cannot be read.
    virtual task<outcome<std::vector<outcome<item_state>>>>
    states(const mailbox_address& mailbox, std::vector<std::string> item_ids, duration limit) = 0;
    // `uid` becomes the item's calendar:UID, and is noted on it.
    virtual task<outcome<item_ref>> create(const mailbox_address& mailbox, item_fields fields, marks m,
                                           std::string uid, protocol::notify notify, write_bounds bounds) = 0;
    // Sets the fields and WorkestraCommandId in one UpdateItem; no mark where `command_id` is empty.
    virtual task<outcome<item_ref>> update(const mailbox_address& mailbox, item_ref ref, item_fields fields,
                                           std::string command_id, protocol::notify notify,
                                           write_bounds bounds) = 0;
    // MoveToDeletedItems, with cancellations where `notify` is all.
    virtual task<outcome<void>> remove(const mailbox_address& mailbox, item_ref ref, protocol::notify notify,
                                       write_bounds bounds) = 0;
};

inline constexpr std::size_t max_states = 100;
inline constexpr std::size_t max_find_folders = 20; // Exchange works at one request for a minute at most
inline constexpr std::size_t max_availability_mailboxes = 100;     // ErrorMailboxDataArrayTooBig above it
inline constexpr std::chrono::days max_availability_window{42};    // documented limit; servers allow 62
inline constexpr std::chrono::minutes min_availability_window{10}; // a shorter one costs the same

} // namespace relay::ews
