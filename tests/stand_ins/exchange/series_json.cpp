#include "tests/stand_ins/exchange/series_json.hpp"

#include "tests/stand_ins/exchange/json_reading.hpp"

#include <array>

namespace relay::exchange_sim {
namespace {

using namespace json_reading;

constexpr std::array<std::string_view, 4> patterns{"daily", "weekly", "monthly", "yearly"};
constexpr std::array<std::string_view, 10> day_names{"Sunday",   "Monday",    "Tuesday",  "Wednesday",
                                                     "Thursday", "Friday",    "Saturday", "Day",
                                                     "Weekday",  "WeekendDay"};
constexpr std::array<std::string_view, 5> week_names{"First", "Second", "Third", "Fourth", "Last"};
constexpr std::array<std::string_view, 6> busy_types{"Free", "Tentative",        "Busy",
                                                     "OOF",  "WorkingElsewhere", "NoData"};

unsigned weekdays_in(std::string_view key, const json::value& value)
{
    unsigned days = 0;
    for (const auto& name : list(key, value)) {
        const auto place = place_of(key, name, day_names);
        constexpr std::array<unsigned, 3> groups{0b111'1111, 0b011'1110, 0b100'0001};
        days |= place < 7 ? 1U << place : groups.at(place - 7);
    }
    return days;
}

void set_range(recurrence& r, std::string_view key, const json::value& value)
{
    if (key == "start")
        r.start = date(key, value);
    else if (key == "end")
        r.end = date(key, value);
    else if (key == "count")
        r.count = number(key, value, 1, 999);
    else
        refuse(key, "there is no such field of a recurrence");
}

void set_pattern(recurrence& r, std::string_view key, const json::value& value)
{
    if (key == "pattern")
        r.every = static_cast<recurrence::frequency>(place_of(key, value, patterns));
    else if (key == "interval")
        r.interval = number(key, value, 1, 999);
    else if (key == "days")
        r.weekdays = weekdays_in(key, value);
    else if (key == "week")
        r.week = place_of(key, value, week_names) + 1;
    else if (key == "day")
        r.day = static_cast<unsigned>(number(key, value, 1, 31));
    else if (key == "month")
        r.month = static_cast<unsigned>(number(key, value, 1, 12));
    else if (key == "first_day_of_week")
        r.first_day_of_week = place_of(key, value, std::span(day_names).first(7));
    else
        set_range(r, key, value);
}

changed_occurrence read_change(const json::object& fields, const zone_rule& zone)
{
    changed_occurrence c{date("date", fields.at("date")),
                         time("start", fields.at("start"), zone),
                         time("end", fields.at("end"), zone),
                         {},
                         {},
                         {}};
    if (const auto* busy = fields.if_contains("busy"))
        c.busy = one_of("busy", *busy, busy_types);
    if (const auto* subject = fields.if_contains("subject"))
        c.subject = text("subject", *subject);
    if (const auto* location = fields.if_contains("location"))
        c.location = text("location", *location);
    if (c.end < c.start)
        refuse("changed", "end must not be before start");
    return c;
}

} // namespace

series read_series(const json::value& json, std::chrono::local_days first, const zone_rule& zone)
{
    series made;
    made.pattern.start = first;
    for (const auto& [key, value] : object("recurrence", json)) {
        if (key == "changed")
            for (const auto& change : list(key, value))
                made.changed.push_back(read_change(object(key, change), zone));
        else if (key == "deleted")
            for (const auto& day : list(key, value))
                made.deleted.insert(date(key, day));
        else
            set_pattern(made.pattern, key, value);
    }
    const auto& r = made.pattern;
    if (r.weekdays == 0 && (r.week != 0 || r.every == recurrence::frequency::weekly))
        refuse("recurrence", "days are missing");
    return made;
}

} // namespace relay::exchange_sim
