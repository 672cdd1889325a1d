#include "tests/stand_ins/exchange/item_json.hpp"

#include "common/time/rfc3339.hpp"
#include "tests/stand_ins/exchange/folders.hpp"
#include "tests/stand_ins/exchange/json_reading.hpp"
#include "tests/stand_ins/exchange/series_json.hpp"

#include <algorithm>
#include <array>

namespace relay::exchange_sim {
namespace {

namespace json = boost::json;
using namespace json_reading;

constexpr std::array<std::string_view, 6> responses{"Unknown", "Organizer", "Tentative",
                                                    "Accept",  "Decline",   "NoResponseReceived"};
constexpr std::array<std::string_view, 2> body_types{"HTML", "Text"};
constexpr std::array<std::string_view, 6> busy_types{"Free", "Tentative",        "Busy",
                                                     "OOF",  "WorkingElsewhere", "NoData"};
constexpr std::array<std::string_view, 4> sensitivities{"Normal", "Personal", "Private", "Confidential"};

// What the user writes by hand carries the marks in the property set that PROTOCOL.md fixes.
constexpr std::string_view marks_set = "6e2a1f0c-3c1b-4a58-9d0e-5f3b7c2a9e41";

json::array attendees_json(const std::vector<attendee>& list)
{
    json::array out;
    for (const auto& a : list)
        out.push_back(json::object{{"email", a.email}, {"name", a.name}, {"response", a.response}});
    return out;
}

std::vector<attendee> attendees(std::string_view key, const json::value& value)
{
    std::vector<attendee> out;
    for (const auto& entry : list(key, value)) {
        if (!entry.is_object() || !entry.get_object().contains("email"))
            refuse(key, "must be a list of objects with an email");
        const auto& o = entry.get_object();
        attendee a;
        a.email = text(key, o.at("email"));
        a.name = o.contains("name") ? text(key, o.at("name")) : a.email;
        if (o.contains("response"))
            a.response = one_of("response", o.at("response"), responses);
        out.push_back(std::move(a));
    }
    return out;
}

void set_properties(calendar_item& item, std::string_view key, const json::value& value, mailbox_store& store)
{
    if (!value.is_object())
        refuse(key, "must be an object");
    for (const auto& [name, v] : value.get_object()) {
        const std::string wanted(name.data(), name.size());
        std::erase_if(item.properties, [&](const extended_property& p) { return p.name == wanted; });
        if (!v.is_null())
            item.properties.push_back(
                {store.intern(std::string(marks_set) + '/' + wanted), wanted, {text(key, v)}});
    }
}

void set_reminder(calendar_item& item, std::string_view key, const json::value& value)
{
    item.reminder_set = !value.is_null();
    if (value.is_null())
        return;
    item.reminder_minutes = number(key, value, 0, 1'576'800);
}

void set_body(calendar_item& item, std::string_view key, const json::value& value)
{
    if (!value.is_object())
        refuse(key, "must be an object with type and content");
    const auto& o = value.get_object();
    item.body = {one_of("body.type", o.at("type"), body_types), text("body.content", o.at("content"))};
}

// Start, end, their zones and what they make of each other; nothing for other keys.
bool is_about_time(std::string_view key)
{
    return key == "start" || key == "end" || key == "start_time_zone" || key == "end_time_zone" ||
           key == "recurrence";
}

const zone_rule& zone_of(const std::string& id, const zone_table& zones)
{
    static const zone_rule utc;
    if (id.empty())
        return utc;
    if (const auto* zone = zones.find(id))
        return *zone;
    refuse("start_time_zone", "there is no such zone: " + id);
}

void set_times(calendar_item& i, const json::object& fields, const zone_table& zones)
{
    if (const auto* zone = fields.if_contains("start_time_zone"))
        i.start_time_zone = i.end_time_zone = text("start_time_zone", *zone);
    if (const auto* zone = fields.if_contains("end_time_zone"))
        i.end_time_zone = text("end_time_zone", *zone);
    const auto& from = zone_of(i.start_time_zone, zones);
    if (const auto* start = fields.if_contains("start"))
        i.start = time("start", *start, from);
    if (const auto* end = fields.if_contains("end"))
        i.end = time("end", *end, zone_of(i.end_time_zone, zones));
    if (const auto* made = fields.if_contains("recurrence")) {
        i.repeats.reset();
        if (!made->is_null())
            i.repeats =
                read_series(*made, std::chrono::floor<std::chrono::days>(from.to_local(i.start)), from);
    }
}

void set_field(calendar_item& i, std::string_view key, const json::value& value, mailbox_store& store)
{
    if (key == "subject")
        i.subject = text(key, value);
    else if (key == "uid")
        i.uid = text(key, value);
    else if (key == "body")
        set_body(i, key, value);
    else if (key == "location")
        i.location = text(key, value);
    else if (key == "zone_shown")
        i.start_time_zone = i.end_time_zone = text(key, value);
    else if (key == "busy")
        i.busy = one_of(key, value, busy_types);
    else if (key == "all_day")
        i.all_day = boolean(key, value);
    else if (key == "sensitivity")
        i.sensitivity = one_of(key, value, sensitivities);
    else if (key == "reminder_minutes")
        set_reminder(i, key, value);
    else if (key == "categories") {
        i.categories.clear();
        for (const auto& c : list(key, value))
            i.categories.push_back(text(key, c));
    } else if (key == "required")
        i.required = attendees(key, value);
    else if (key == "optional")
        i.optional = attendees(key, value);
    else if (key == "resources")
        i.resources = attendees(key, value);
    else if (key == "properties")
        set_properties(i, key, value, store);
    else if (key == "invited")
        i.invited = boolean(key, value);
    else if (key == "cancelled")
        i.cancelled = boolean(key, value);
    else if (key != "folder" && key != "damaged")
        refuse(key, "there is no such field");
}

} // namespace

json::object to_json(const calendar_item& i)
{
    json::object properties;
    for (const auto& p : i.properties)
        if (!p.values.empty())
            properties[p.name] = p.values.front();
    return {
        {"id", i.id},
        {"change_key", i.change_key},
        {"folder", name_of(*i.owner, i.folder)},
        {"uid", i.uid},
        {"subject", i.subject},
        {"body", {{"type", i.body.type}, {"content", i.body.content}}},
        {"start", format_rfc3339(i.start)},
        {"end", format_rfc3339(i.end)},
        {"start_time_zone", i.start_time_zone},
        {"end_time_zone", i.end_time_zone},
        {"location", i.location},
        {"busy", i.busy},
        {"all_day", i.all_day},
        {"sensitivity", i.sensitivity},
        {"reminder_minutes", i.reminder_set ? json::value(i.reminder_minutes) : json::value(nullptr)},
        {"categories", json::array(i.categories.begin(), i.categories.end())},
        {"required", attendees_json(i.required)},
        {"optional", attendees_json(i.optional)},
        {"resources", attendees_json(i.resources)},
        {"properties", std::move(properties)},
        {"created_by", i.by_user ? "user" : "ews"},
        {"invited", i.invited},
        {"cancelled", i.cancelled},
        {"recurring", i.repeats.has_value()},
    };
}

void apply_json(calendar_item& item, const json::object& fields, mailbox_store& store,
                const zone_table& zones)
{
    set_times(item, fields, zones);
    for (const auto& [key, value] : fields)
        if (!is_about_time(key))
            set_field(item, key, value, store);
    const auto* damaged = fields.if_contains("damaged");
    if (item.end < item.start && !(damaged && boolean("damaged", *damaged)))
        refuse("end", "must not be before start");
}

folder_kind folder_in(const json::object& fields, const mailbox& owner)
{
    const auto* given = fields.if_contains("folder");
    if (!given)
        return folder_kind::calendar;
    if (const auto folder = folder_named(owner, text("folder", *given)))
        return *folder;
    refuse("folder", "there is no such folder");
}

} // namespace relay::exchange_sim
