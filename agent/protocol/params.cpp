#include "agent/protocol/params.hpp"

#include "agent/protocol/fields.hpp"
#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "common/time/zones.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

namespace relay::protocol {
namespace {

// PROTOCOL.md, "Limits"; those it does not name are ours, wide enough for anything Outlook makes.
constexpr std::size_t longest_subject = 255, longest_location = 255;
constexpr std::size_t largest_body = 256 * 1024; // bytes
constexpr std::size_t longest_url = 2048;
constexpr std::size_t most_attendees = 500, most_categories = 25, most_mailboxes = 1000, most_watched = 5000;
constexpr std::size_t longest_name = 255, longest_category = 255;
constexpr std::int64_t longest_reminder = 40'320;                         // four weeks in minutes
constexpr std::int64_t longest_horizon = 180;                             // days
constexpr std::int64_t shortest_interval = 30, longest_interval = 86'400; // seconds

std::string_view text_of(const json::value& v)
{
    const auto& s = v.get_string();
    return {s.data(), s.size()};
}

// A string that Exchange can store, at most `longest` characters long.
std::string read_text(const json::value& v, const std::string& path, findings& found, std::size_t longest)
{
    if (!v.is_string())
        return found.add(path, "must be a string"), std::string();
    const auto text = text_of(v);
    if (!is_xml_text(text))
        return found.add(path, "has a character that XML 1.0 cannot carry"), std::string();
    if (code_points(text) > longest)
        return found.add(path, fmt::format("must be at most {} characters long", longest)), std::string();
    return std::string(text);
}

// The place of a word among `words`; 0, which is never used then, where it is none of them.
std::size_t read_word(const json::value& v, const std::string& path, findings& found,
                      std::span<const std::string_view> words)
{
    const auto end = words.end();
    const auto at = v.is_string() ? std::find(words.begin(), end, text_of(v)) : end;
    if (at == end)
        return found.add(path, fmt::format("must be one of {}", fmt::join(words, ", "))), std::size_t{0};
    return static_cast<std::size_t>(at - words.begin());
}

// The entries of an array of at most `most`, each read by `read(value, path)`.
template <class Read>
void read_array(const json::value& v, const std::string& path, findings& found, std::size_t most, Read read)
{
    const auto* array = v.if_array();
    if (!array)
        return found.add(path, "must be an array");
    if (array->size() > most)
        return found.add(path, fmt::format("must have at most {} entries", most));
    for (std::size_t i = 0; i < array->size() && !found.first(); ++i)
        read((*array)[i], fmt::format("{}[{}]", path, i));
}

std::optional<mailbox_address> read_mailbox(const json::value& v, const std::string& path, findings& found)
{
    if (!v.is_string())
        return found.add(path, "must be a string"), std::nullopt;
    auto address = mailbox_address::parse(text_of(v));
    if (!address.has_value())
        return found.add(path, "is not an SMTP address"), std::nullopt;
    if (!is_ascii(address->str()))
        return found.add(path, "must be in ASCII"), std::nullopt;
    return std::move(*address);
}

// A whole number; `least` where it is none of those allowed.
std::int64_t read_number(const json::value& v, const std::string& path, findings& found, std::int64_t least,
                         std::int64_t most)
{
    const auto number = as_integer(v);
    if (!number || *number < least || *number > most)
        return found.add(path, fmt::format("must be a whole number from {} to {}", least, most)), least;
    return *number;
}

std::vector<mailbox_address> read_addresses(const json::value& v, const std::string& path, findings& found,
                                            std::size_t most)
{
    std::vector<mailbox_address> list;
    read_array(v, path, found, most, [&](const json::value& entry, const std::string& at) {
        if (auto address = read_mailbox(entry, at, found))
            list.push_back(std::move(*address));
    });
    if (list.empty())
        found.add(path, "must have at least one entry");
    return list;
}

attendee_role read_role(const json::value& v, const std::string& path, findings& found)
{
    constexpr std::array<std::string_view, 3> words{"required", "optional", "resource"}; // as the enumeration
    return static_cast<attendee_role>(read_word(v, path, found, words));
}

// http or https, a host, and nothing that would end it where it stands in text or HTML.
bool is_web_url(std::string_view text)
{
    const auto scheme = text.substr(0, text.find(':'));
    if (!ascii_iequals(scheme, "https") && !ascii_iequals(scheme, "http"))
        return false;
    const auto rest = text.substr(scheme.size());
    if (!rest.starts_with("://") || rest.size() < 4 || rest[3] == '/' || rest[3] == '?' || rest[3] == '#')
        return false;
    return std::none_of(text.begin(), text.end(), [](unsigned char c) {
        return c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' || c == '\\';
    });
}

bool changes_nothing(const event_changes& c)
{
    return !c.subject && !c.start && !c.end && !c.time_zone && !c.body && !c.location &&
           !c.online_meeting_url && !c.attendees && !c.show_as && !c.reminder_minutes && !c.is_private &&
           !c.categories;
}

} // namespace

void findings::add(std::string_view path, std::string_view what)
{
    if (!first_)
        first_ = fault{fault_code::invalid_request, fmt::format("{}: {}", path, what), {}};
}

std::string params_reader::path_of(std::string_view name) const
{
    return fmt::format("{}.{}", path_, name);
}

std::string read_subject(const json::value& v, const std::string& path, findings& found)
{
    return read_text(v, path, found, longest_subject);
}

std::string read_location(const json::value& v, const std::string& path, findings& found)
{
    return read_text(v, path, found, longest_location);
}

std::string read_url(const json::value& v, const std::string& path, findings& found)
{
    auto text = read_text(v, path, found, longest_url);
    if (!found.first() && !is_web_url(text))
        found.add(path, "must be an http or https URL");
    return text;
}

std::string read_event_id(const json::value& v, const std::string& path, findings& found)
{
    if (!v.is_string() || !is_id(text_of(v), longest_event_id))
        return found.add(path, fmt::format("must be 1 to {} of A-Z a-z 0-9 . _ : -", longest_event_id)),
               std::string();
    return std::string(text_of(v));
}

std::string read_time_zone(const json::value& v, const std::string& path, findings& found)
{
    if (!v.is_string() || !is_iana_zone(text_of(v)))
        return found.add(path, "is not an IANA time zone"), std::string();
    return std::string(text_of(v));
}

utc_time read_time(const json::value& v, const std::string& path, findings& found)
{
    if (v.is_string())
        if (const auto time = parse_rfc3339(text_of(v)); time.has_value())
            return *time;
    found.add(path, "must be an RFC 3339 time with Z or an offset, such as 2026-11-22T10:00:00Z");
    return {};
}

event_body read_body(const json::value& v, const std::string& path, findings& found)
{
    const auto* object = v.if_object();
    if (!object)
        return found.add(path, "must be an object with format and content"), event_body{};
    params_reader fields(*object, path, found);
    event_body body;
    body.format = fields.needed("format", [](const json::value& f, const std::string& at, findings& wrong) {
        constexpr std::array<std::string_view, 2> words{"text", "html"}; // as the enumeration
        return static_cast<body_format>(read_word(f, at, wrong, words));
    });
    body.content = fields.needed("content", [](const json::value& c, const std::string& at, findings& wrong) {
        if (c.is_string() && c.get_string().size() > largest_body)
            return wrong.add(at, "must be at most 256 KiB"), std::string();
        return read_text(c, at, wrong, largest_body);
    });
    return body;
}

int read_reminder(const json::value& v, const std::string& path, findings& found)
{
    return static_cast<int>(read_number(v, path, found, 0, longest_reminder));
}

bool read_flag(const json::value& v, const std::string& path, findings& found)
{
    if (!v.is_bool())
        found.add(path, "must be true or false");
    return v.is_bool() && v.get_bool();
}

show_as read_show_as(const json::value& v, const std::string& path, findings& found)
{
    constexpr std::array<std::string_view, 5> words{"free", "busy", "tentative", "oof",
                                                    "working_elsewhere"}; // as the enumeration
    return static_cast<show_as>(read_word(v, path, found, words));
}

std::vector<attendee> read_attendees(const json::value& v, const std::string& path, findings& found)
{
    std::vector<attendee> list;
    std::set<std::string> seen;
    read_array(v, path, found, most_attendees, [&](const json::value& entry, const std::string& at) {
        const auto* object = entry.if_object();
        if (!object)
            return found.add(at, "must be an object with email");
        params_reader fields(*object, at, found);
        auto email = fields.needed("email", read_mailbox);
        auto name =
            fields.optional("name", [](const json::value& n, const std::string& where, findings& wrong) {
                return read_text(n, where, wrong, longest_name);
            });
        const auto role = fields.optional("role", read_role).value_or(attendee_role::required);
        // Exchange keeps an address once: so do we, or a later look would find an attendee "removed".
        if (email && seen.insert(email->key()).second)
            list.push_back({std::move(*email), std::move(name).value_or(std::string()), role});
    });
    return list;
}

std::vector<std::string> read_categories(const json::value& v, const std::string& path, findings& found)
{
    std::vector<std::string> list;
    read_array(v, path, found, most_categories, [&](const json::value& entry, const std::string& at) {
        auto text = read_text(entry, at, found, longest_category);
        if (!found.first() && trim(text).empty())
            return found.add(at, "must not be empty");
        if (std::find(list.begin(), list.end(), text) == list.end())
            list.push_back(std::move(text));
    });
    return list;
}

std::vector<mailbox_address> read_mailboxes(const json::value& v, const std::string& path, findings& found)
{
    return read_addresses(v, path, found, most_mailboxes);
}

std::vector<mailbox_address> read_watched_mailboxes(const json::value& v, const std::string& path,
                                                    findings& found)
{
    const auto all = read_addresses(v, path, found, most_watched);
    std::set<std::string_view> seen;
    std::vector<mailbox_address> list;
    for (const auto& address : all)
        if (seen.insert(address.key()).second)
            list.push_back(address);
    return list;
}

std::chrono::days read_horizon(const json::value& v, const std::string& path, findings& found)
{
    return std::chrono::days(read_number(v, path, found, 1, longest_horizon));
}

std::chrono::seconds read_interval(const json::value& v, const std::string& path, findings& found)
{
    return std::chrono::seconds(read_number(v, path, found, shortest_interval, longest_interval));
}

void check_order(utc_time start, utc_time end, std::string_view path, findings& found)
{
    if (end <= start)
        found.add(path, "must be after start");
}

event_fields read_event_fields(params_reader& params, findings& found)
{
    event_fields f;
    f.subject = params.needed("subject", read_subject);
    f.start = params.needed("start", read_time);
    f.end = params.needed("end", read_time);
    check_order(f.start, f.end, params.path_of("end"), found);
    f.time_zone = params.optional("time_zone", read_time_zone);
    f.body = params.optional("body", read_body);
    f.location = params.optional("location", read_location);
    f.online_meeting_url = params.optional("online_meeting_url", read_url);
    f.attendees = params.optional("attendees", read_attendees).value_or(std::vector<attendee>{});
    f.show_as = params.optional("show_as", read_show_as).value_or(show_as::busy);
    f.reminder_minutes = params.optional("reminder_minutes", read_reminder);
    f.is_private = params.optional("private", read_flag).value_or(false);
    f.categories = params.optional("categories", read_categories).value_or(std::vector<std::string>{});
    return f;
}

event_changes read_event_changes(const json::value& v, const std::string& path, findings& found)
{
    event_changes c;
    const auto* object = v.if_object();
    if (!object)
        return found.add(path, "must be an object"), c;
    params_reader set(*object, path, found);
    c.subject = set.replaced("subject", read_subject);
    c.start = set.replaced("start", read_time);
    c.end = set.replaced("end", read_time);
    if (c.start && c.end)
        check_order(*c.start, *c.end, set.path_of("end"), found);
    c.time_zone = set.changed("time_zone", read_time_zone);
    c.body = set.changed("body", read_body);
    c.location = set.changed("location", read_location);
    c.online_meeting_url = set.changed("online_meeting_url", read_url);
    c.attendees = set.changed("attendees", read_attendees);
    c.show_as = set.changed("show_as", read_show_as);
    c.reminder_minutes = set.changed("reminder_minutes", read_reminder);
    c.is_private = set.changed("private", read_flag);
    c.categories = set.changed("categories", read_categories);
    if (changes_nothing(c))
        found.add(path, "must change at least one field");
    return c;
}

notify read_notify(params_reader& params, notify_words allowed)
{
    const auto read = [allowed](const json::value& v, const std::string& path, findings& found) {
        constexpr std::array<std::string_view, 2> all_or_none{"all", "none"};
        constexpr std::array<std::string_view, 3> with_changed{"all", "changed", "none"};
        const auto words = allowed == notify_words::all_or_none
                               ? std::span<const std::string_view>(all_or_none)
                               : std::span<const std::string_view>(with_changed);
        const auto word = words[read_word(v, path, found, words)];
        return word == "none" ? notify::none : word == "changed" ? notify::changed : notify::all;
    };
    return params.optional("notify", read).value_or(notify::all);
}

} // namespace relay::protocol
