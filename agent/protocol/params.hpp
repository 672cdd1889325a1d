// Reading the params of an operation, field by field, against the limits of PROTOCOL.md: the vocabulary that the operations
// share.
#pragma once

#include "agent/protocol/event_fields.hpp"
#include "agent/protocol/messages.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

namespace relay::protocol {

// What is wrong with params: the first thing found. Reading goes on after it with empty values, so that the
// code that reads is a list of fields and not of returns.
class findings {
public:
    // `path` "params.attendees[2].email", `what` "is missing".
    void add(std::string_view path, std::string_view what);
    const std::optional<fault>& first() const noexcept { return first_; }

private:
    std::optional<fault> first_;
};

// The fields of one JSON object at `path`. Null counts as absent but in changed().
class params_reader {
public:
    params_reader(const json::object& object, std::string path, findings& found)
        : object_(object),
          path_(std::move(path)),
          found_(found)
    {
    }

    // `read` is one of the readers below: (value, path, findings) -> T.
    template <class Read>
    auto needed(std::string_view name, Read read)
    {
        using value_type = decltype(read(std::declval<const json::value&>(), std::string(), found_));
        if (const auto* v = find(name))
            return read(*v, path_of(name), found_);
        found_.add(path_of(name), "is missing");
        return value_type{};
    }

    template <class Read>
    auto optional(std::string_view name, Read read)
    {
        using value_type = decltype(read(std::declval<const json::value&>(), std::string(), found_));
        const auto* v = find(name);
        return v ? std::optional<value_type>(read(*v, path_of(name), found_)) : std::nullopt;
    }

    // For a field that null clears.
    template <class Read>
    auto changed(std::string_view name, Read read)
    {
        using value_type = decltype(read(std::declval<const json::value&>(), std::string(), found_));
        change<value_type> out;
        if (const auto* v = object_.if_contains(name))
            out = v->is_null() ? std::optional<value_type>()
                               : std::optional<value_type>(read(*v, path_of(name), found_));
        return out;
    }

    // For a field that can be changed but not cleared.
    template <class Read>
    auto replaced(std::string_view name, Read read)
    {
        if (const auto* v = object_.if_contains(name); v && v->is_null())
            found_.add(path_of(name), "cannot be cleared");
        return optional(name, read);
    }

    std::string path_of(std::string_view name) const;

private:
    const json::value* find(std::string_view name) const
    {
        const auto* v = object_.if_contains(name);
        return v && !v->is_null() ? v : nullptr;
    }

    const json::object& object_;
    std::string path_;
    findings& found_;
};

// ---- readers of one value; each adds a finding and returns something empty where the value is wrong ----
std::string read_subject(const json::value& v, const std::string& path, findings& found);
std::string read_location(const json::value& v, const std::string& path, findings& found);
std::string read_url(const json::value& v, const std::string& path, findings& found);
std::string read_event_id(const json::value& v, const std::string& path, findings& found);
std::string read_time_zone(const json::value& v, const std::string& path, findings& found);
utc_time read_time(const json::value& v, const std::string& path, findings& found);
event_body read_body(const json::value& v, const std::string& path, findings& found);
int read_reminder(const json::value& v, const std::string& path, findings& found);
bool read_flag(const json::value& v, const std::string& path, findings& found);
show_as read_show_as(const json::value& v, const std::string& path, findings& found);
std::vector<attendee> read_attendees(const json::value& v, const std::string& path, findings& found);
std::vector<std::string> read_categories(const json::value& v, const std::string& path, findings& found);
std::vector<mailbox_address> read_mailboxes(const json::value& v, const std::string& path, findings& found);
// Each address once, the first time it is named.
std::vector<mailbox_address> read_watched_mailboxes(const json::value& v, const std::string& path,
                                                    findings& found);
std::chrono::days read_horizon(const json::value& v, const std::string& path, findings& found);
std::chrono::seconds read_interval(const json::value& v, const std::string& path, findings& found);

// ---- params that several operations have ----
// Checks that `end` comes after `start`, and is to be found at `path` if it does not.
void check_order(utc_time start, utc_time end, std::string_view path, findings& found);
// The fields of an event beside its id, with their defaults. An attendee or category named twice is kept once, the first time:
// so does Exchange.
event_fields read_event_fields(params_reader& params, findings& found);
// `set` of an update: at least one field.
event_changes read_event_changes(const json::value& v, const std::string& path, findings& found);

// Who is told of a change: `notify`, everybody if it is absent.
enum class notify_words { all_or_none, all_changed_or_none };
notify read_notify(params_reader& params, notify_words allowed);

} // namespace relay::protocol
