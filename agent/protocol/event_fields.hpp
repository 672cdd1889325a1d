// What a calendar item holds, in the words of PROTOCOL.md: what operations are given, and what Exchange is told and answers.
#pragma once

#include "common/text/mailbox_address.hpp"
#include "common/time/time_source.hpp"

#include <optional>
#include <string>
#include <vector>

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

} // namespace relay::protocol
