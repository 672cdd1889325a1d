// The operations of PROTOCOL.md as typed values, and the one place that checks their params against its limits.
#pragma once

#include "agent/protocol/messages.hpp"
#include "common/text/mailbox_address.hpp"

#include <span>

namespace relay::protocol {

enum class show_as { free, busy, tentative, oof, working_elsewhere };
enum class attendee_role { required, optional, resource };
enum class body_format { text, html };
enum class notify { all, changed, none };

struct attendee {
    mailbox_address email;
    std::string name; // may be empty
    attendee_role role = attendee_role::required;

    friend bool operator==(const attendee&, const attendee&) = default;
};

struct event_body {
    body_format format = body_format::text;
    std::string content;

    friend bool operator==(const event_body&, const event_body&) = default;
};

// What a calendar item holds, as event.create takes it and event.get answers it.
struct event_fields {
    std::string subject;
    utc_time start{}, end{};
    std::optional<std::string> time_zone; // IANA
    std::optional<event_body> body;
    std::optional<std::string> location;
    std::optional<std::string> online_meeting_url;
    std::vector<attendee> attendees;
    protocol::show_as show_as = protocol::show_as::busy;
    std::optional<int> reminder_minutes;
    bool is_private = false;
    std::vector<std::string> categories;

    friend bool operator==(const event_fields&, const event_fields&) = default;
};

// One field of event.update's `set`: absent, null (clears an optional field), or a value.
template <class T>
using change = std::optional<std::optional<T>>;

struct event_changes {
    std::optional<std::string> subject;
    std::optional<utc_time> start, end;
    change<std::string> time_zone;
    change<event_body> body;
    change<std::string> location;
    change<std::string> online_meeting_url;
    change<std::vector<attendee>> attendees;
    change<protocol::show_as> show_as; // null: back to busy
    change<int> reminder_minutes;
    change<bool> is_private; // null: back to false
    change<std::vector<std::string>> categories;
};

struct connection_test {};
struct mailbox_verify {
    mailbox_address mailbox;
};
struct availability_get {
    std::vector<mailbox_address> mailboxes;
    utc_time start, end;
};
struct event_create {
    mailbox_address mailbox;
    std::string event_id;
    event_fields fields;
    protocol::notify notify = protocol::notify::all;
};
struct event_update {
    mailbox_address mailbox;
    std::string event_id;
    event_changes set;
    protocol::notify notify = protocol::notify::all;
};
struct event_cancel {
    mailbox_address mailbox;
    std::string event_id;
    protocol::notify notify = protocol::notify::all;
};
struct event_get {
    mailbox_address mailbox;
    std::string event_id;
};
// Keeps the cloud told of how busy mailboxes are. An address that is named twice is watched once.
struct availability_watch {
    std::string watch_id;
    std::vector<mailbox_address> mailboxes;
    std::chrono::days horizon{60};
    std::chrono::seconds interval{300};
};
struct availability_unwatch {
    std::string watch_id;
};
struct agent_diagnose {};

using operation =
    std::variant<connection_test, mailbox_verify, availability_get, event_create, event_update, event_cancel,
                 event_get, availability_watch, availability_unwatch, agent_diagnose>;

enum class operation_class { read, write };

struct operation_traits {
    std::string_view name;
    operation_class kind;
};

// The longest window availability.get takes. PROTOCOL.md sets none, but each 42 days cost a request for 100 mailboxes.
inline constexpr std::chrono::days longest_availability{5 * 366};

// Every operation this agent implements, in the order of PROTOCOL.md.
std::span<const operation_traits> operations() noexcept;
// Nothing where the agent does not know `name`.
std::optional<operation_class> class_of(std::string_view name) noexcept;

inline constexpr milliseconds default_read_ttl{30'000};
inline constexpr milliseconds default_write_ttl{86'400'000};
inline constexpr milliseconds longest_ttl{std::chrono::years{10}}; // a longer one is taken as this

// Checks `op`, `mailbox` and `params` of a command against PROTOCOL.md ("Operations", "Limits"). Unknown params are
// ignored; null is absent, but in `set`. An attendee or category named twice is kept once, the first time: so does Exchange.
// Faults: unsupported_operation; invalid_request whose message starts with the field's path ("params.attendees[2].email: …").
checked<operation> parse_operation(const command& c);

// What the commands share that run one after the other: "mailbox/event_id" (mailbox in lower case), or "watch:watch_id".
// Empty for operations that run side by side.
std::string lane_of(const operation& op);

// SHA-256 over op, mailbox and params with sorted keys: the same id with another fingerprint is id_reused. 64 hex digits.
std::string fingerprint(const command& c);

} // namespace relay::protocol
