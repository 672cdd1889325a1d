#include "tests/support/random_calendars.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <set>
#include <stdexcept>

namespace relay::test {
namespace {

using namespace std::chrono;

constexpr minute day = 24 * 60;

minute minutes_at(sys_days date)
{
    return date.time_since_epoch().count() * day;
}

// Rounded down, also before 1970.
minute day_of(minute t)
{
    return (t - ((t % day) + day) % day) / day;
}

year_month_day civil(minute day_number)
{
    return year_month_day{sys_days{days{day_number}}};
}

unsigned weekday_of(minute day_number)
{
    return weekday{sys_days{days{day_number}}}.c_encoding();
}

unsigned days_in_month(const year_month_day& date)
{
    return static_cast<unsigned>((date.year() / date.month() / last).day());
}

std::string two_digits(std::int64_t n)
{
    return (n < 10 ? "0" : "") + std::to_string(n);
}

std::string date_text(minute day_number)
{
    const auto d = civil(day_number);
    return std::to_string(static_cast<int>(d.year())) + "-" + two_digits(static_cast<unsigned>(d.month())) +
           "-" + two_digits(static_cast<unsigned>(d.day()));
}

std::string wall_clock(minute local)
{
    const auto time = local - day_of(local) * day;
    return date_text(day_of(local)) + "T" + two_digits(time / 60) + ":" + two_digits(time % 60) + ":00";
}

// Sets the zone of the C library while it lives.
class library_zone {
public:
    explicit library_zone(const std::string& iana)
    {
        if (const char* before = std::getenv("TZ"))
            before_ = before;
        ::setenv("TZ", iana.c_str(), 1);
        ::tzset();
    }
    ~library_zone()
    {
        if (before_)
            ::setenv("TZ", before_->c_str(), 1);
        else
            ::unsetenv("TZ");
        ::tzset();
    }
    library_zone(const library_zone&) = delete;
    library_zone& operator=(const library_zone&) = delete;

    static std::tm at(minute utc)
    {
        const std::time_t t = utc * 60;
        std::tm broken_down{};
        ::localtime_r(&t, &broken_down);
        return broken_down;
    }

private:
    std::optional<std::string> before_;
};

// ---- patterns ----

struct pattern {
    enum { daily, weekly, monthly, yearly } every = daily;
    int interval = 1;
    unsigned weekdays = 0;
    unsigned week = 0; // 0: a day of the month
    unsigned month_day = 1, month = 1, first_day_of_week = 0;
    minute start = 0; // day numbers
    std::optional<minute> end;
    int count = 0;
};

bool has(unsigned weekdays, minute date)
{
    return (weekdays >> weekday_of(date) & 1U) != 0;
}

// Whether `date` is the day of its month that the pattern means.
bool is_day_of_month(const pattern& p, minute date)
{
    const auto d = civil(date);
    const auto of_month = static_cast<unsigned>(d.day());
    if (p.week == 0)
        return of_month == std::min(p.month_day, days_in_month(d));
    if (!has(p.weekdays, date))
        return false;
    if (p.week == 5) {
        for (auto later = of_month + 1; later <= days_in_month(d); ++later)
            if (has(p.weekdays, date + (later - of_month)))
                return false;
        return true;
    }
    unsigned rank = 0;
    for (unsigned earlier = 1; earlier <= of_month; ++earlier)
        rank += has(p.weekdays, date - (of_month - earlier)) ? 1 : 0;
    return rank == p.week;
}

bool is_occurrence(const pattern& p, minute date)
{
    const auto d = civil(date), first = civil(p.start);
    const auto years = static_cast<int>(d.year()) - static_cast<int>(first.year());
    switch (p.every) {
    case pattern::daily:
        return (date - p.start) % p.interval == 0;
    case pattern::weekly: {
        const auto week_of = [&](minute x) { return x - (weekday_of(x) + 7 - p.first_day_of_week) % 7; };
        return has(p.weekdays, date) && (week_of(date) - week_of(p.start)) / 7 % p.interval == 0;
    }
    case pattern::monthly: {
        const auto months = years * 12 + static_cast<int>(static_cast<unsigned>(d.month())) -
                            static_cast<int>(static_cast<unsigned>(first.month()));
        return months % p.interval == 0 && is_day_of_month(p, date);
    }
    case pattern::yearly:
        return static_cast<unsigned>(d.month()) == p.month && years % p.interval == 0 &&
               is_day_of_month(p, date);
    }
    return false;
}

// The dates of the series that begin no later than `last`.
std::vector<minute> dates_up_to(const pattern& p, minute last)
{
    std::vector<minute> dates;
    for (auto date = p.start; date <= last && !(p.end && date > *p.end); ++date) {
        if (p.count != 0 && static_cast<int>(dates.size()) == p.count)
            break;
        if (is_occurrence(p, date))
            dates.push_back(date);
    }
    return dates;
}

constexpr std::array<const char*, 7> day_names{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                               "Thursday", "Friday", "Saturday"};
constexpr std::array<const char*, 5> week_names{"First", "Second", "Third", "Fourth", "Last"};
constexpr std::array<const char*, 4> pattern_names{"daily", "weekly", "monthly", "yearly"};

json::object to_json(const pattern& p)
{
    json::object out{
        {"pattern", pattern_names.at(p.every)}, {"interval", p.interval}, {"start", date_text(p.start)}};
    if (p.weekdays == 127) {
        out["days"] = json::array{"Day"};
    } else if (p.weekdays == 62) {
        out["days"] = json::array{"Weekday"};
    } else if (p.weekdays == 65) {
        out["days"] = json::array{"WeekendDay"};
    } else if (p.weekdays != 0) {
        json::array names;
        for (unsigned i = 0; i < 7; ++i)
            if ((p.weekdays >> i & 1U) != 0)
                names.emplace_back(day_names.at(i));
        out["days"] = std::move(names);
    }
    if (p.week != 0)
        out["week"] = week_names.at(p.week - 1);
    else if (p.every >= pattern::monthly)
        out["day"] = p.month_day;
    if (p.every == pattern::yearly)
        out["month"] = p.month;
    if (p.every == pattern::weekly)
        out["first_day_of_week"] = day_names.at(p.first_day_of_week);
    if (p.end)
        out["end"] = date_text(*p.end);
    if (p.count != 0)
        out["count"] = p.count;
    return out;
}

pattern make_pattern(random_source& random, minute start)
{
    pattern p;
    p.start = start;
    switch (pick(random, 0, 9)) {
    case 0:
    case 1:
    case 2:
        p.every = pattern::daily;
        p.interval = static_cast<int>(pick(random, 1, 5));
        break;
    case 3:
    case 4:
    case 5:
        p.every = pattern::weekly;
        p.interval = static_cast<int>(pick(random, 1, 3));
        p.weekdays = static_cast<unsigned>(pick(random, 1, 127));
        p.first_day_of_week = static_cast<unsigned>(pick(random, 0, 6));
        break;
    case 6:
    case 7:
    case 8:
        p.every = pattern::monthly;
        p.interval = static_cast<int>(pick(random, 1, 2));
        break;
    default:
        p.every = pattern::yearly;
        p.month = static_cast<unsigned>(pick(random, 1, 12));
    }
    if (p.every >= pattern::monthly) {
        if (chance(random, 50)) {
            p.month_day =
                static_cast<unsigned>(chance(random, 40) ? pick(random, 28, 31) : pick(random, 1, 31));
        } else {
            constexpr std::array<unsigned, 3> groups{127, 62, 65};
            p.week = static_cast<unsigned>(pick(random, 1, 5));
            p.weekdays = chance(random, 40) ? groups.at(static_cast<std::size_t>(pick(random, 0, 2)))
                                            : 1U << static_cast<unsigned>(pick(random, 0, 6));
        }
    }
    if (chance(random, 30))
        p.end = start + pick(random, 0, 120);
    else if (chance(random, 40))
        p.count = static_cast<int>(pick(random, 1, 40));
    return p;
}

// ---- items ----

constexpr std::array<const char*, 6> busy_types{"Free", "Tentative", "Busy",
                                                "OOF",  "NoData",    "WorkingElsewhere"};

// An index of busy_types, which is a kind less one, or free.
int pick_type(random_source& random)
{
    constexpr std::array<int, 10> usual{0, 1, 2, 2, 2, 2, 2, 3, 4, 5};
    return usual.at(static_cast<std::size_t>(pick(random, 0, 9)));
}

class calendar_maker {
public:
    calendar_maker(random_source& random, minute from, minute to) : random_(random), from_(from), to_(to) {}

    void add()
    {
        zone_ = &oracle_zones()[static_cast<std::size_t>(
            pick(random_, 0, static_cast<std::int64_t>(oracle_zones().size()) - 1))];
        type_ = pick_type(random_);
        item_ = {{"subject", "x"}, {"busy", busy_types.at(static_cast<std::size_t>(type_))}};
        free_ = type_ == 0;
        if (chance(random_, 10))
            item_["sensitivity"] = "Private"; // hides what, not when
        if (chance(random_, 8)) {
            item_["cancelled"] = true;
            free_ = true;
        }
        const bool placed = chance(random_, 45) ? add_series() : add_single();
        if (placed)
            made.items.push_back(std::move(item_));
    }

    random_calendar made;

private:
    void take(minute start, minute end, int type, bool free)
    {
        if (!free && start < end)
            made.taken.push_back({start, end, static_cast<kind_of_time>(type - 1)});
    }

    minute pick_start()
    {
        // Near the window, and often at the hours in which clocks change.
        const auto date = day_of(zone_->to_local(pick(random_, from_ - 3 * day, to_ + day)));
        const auto time = chance(random_, 25) ? pick(random_, 0, 4 * 60) : pick(random_, 0, day - 1);
        return date * day + time;
    }

    minute pick_length()
    {
        if (chance(random_, 5))
            return 0;
        return chance(random_, 10) ? pick(random_, day / 2, 4 * day) : pick(random_, 1, 5 * 60);
    }

    bool add_single()
    {
        if (chance(random_, 30))
            return add_all_day();
        const auto start = pick_start(), end = start + pick_length();
        const auto utc_start = zone_->to_utc(start), utc_end = zone_->to_utc(end);
        if (utc_end < utc_start)
            return false; // the change of clocks turned it round
        if (chance(random_, 30)) {
            item_["start"] = rfc3339(utc_start);
            item_["end"] = rfc3339(utc_end);
        } else {
            item_["start"] = wall_clock(start);
            item_["end"] = wall_clock(end);
            item_["start_time_zone"] = zone_->windows_id();
        }
        take(utc_start, utc_end, type_, free_);
        return true;
    }

    // From the midnight of a day where it was made to that of another, wherever it is looked at from.
    bool add_all_day()
    {
        const auto date = day_of(pick_start()), end = date + pick(random_, 1, 3);
        item_["all_day"] = true;
        item_["start"] = date_text(date);
        item_["end"] = date_text(end);
        item_["start_time_zone"] = zone_->windows_id();
        take(zone_->to_utc(date * day), zone_->to_utc(end * day), type_, free_);
        return true;
    }

    bool exists(minute local) const { return zone_->to_local(zone_->to_utc(local)) == local; }

    bool add_series()
    {
        const bool all_day = chance(random_, 20);
        const auto date = day_of(zone_->to_local(pick(random_, from_ - 60 * day, to_)));
        const auto time = all_day               ? 0
                          : chance(random_, 40) ? pick(random_, 0, 4 * 60)
                                                : pick(random_, 0, day - 1);
        const auto length = all_day ? day * pick(random_, 1, 2) : pick(random_, 1, 5 * 60);
        const auto start = date * day + time, end = start + length;
        if (!exists(start) || !exists(end) || zone_->to_utc(end) < zone_->to_utc(start))
            return false; // what the first one cannot have, the series has not
        auto p = make_pattern(random_, date);
        item_["all_day"] = all_day;
        item_["start"] = wall_clock(start);
        item_["end"] = wall_clock(end);
        item_["start_time_zone"] = zone_->windows_id();
        auto recurrence = to_json(p);
        json::array changed, deleted;
        for (const auto d : dates_up_to(p, day_of(to_) + 3)) {
            if (chance(random_, 8)) {
                deleted.emplace_back(date_text(d));
            } else if (chance(random_, 8)) {
                changed.push_back(move_occurrence(d));
            } else {
                const auto utc_start = zone_->to_utc(d * day + time);
                take(utc_start, std::max(utc_start, zone_->to_utc(d * day + time + length)), type_, free_);
            }
        }
        recurrence["changed"] = std::move(changed);
        recurrence["deleted"] = std::move(deleted);
        item_["recurrence"] = std::move(recurrence);
        return true;
    }

    json::object move_occurrence(minute date)
    {
        const auto start = pick(random_, from_ - 2 * day, to_ + day), end = start + pick(random_, 0, 240);
        json::object change{{"date", date_text(date)}, {"start", rfc3339(start)}, {"end", rfc3339(end)}};
        auto type = type_;
        bool free = free_;
        if (chance(random_, 50)) {
            type = pick_type(random_);
            change["busy"] = busy_types.at(static_cast<std::size_t>(type));
            free = type == 0 || item_.contains("cancelled");
        }
        take(start, end, type, free);
        return change;
    }

    random_source& random_;
    minute from_, to_;
    const oracle_zone* zone_ = nullptr;
    json::object item_;
    int type_ = 0;
    bool free_ = false;
};

// What a merged view shows where several meet: working elsewhere gives way to everything.
int weight(int kind)
{
    constexpr std::array<int, 5> weights{2, 3, 4, 5, 1};
    return weights.at(static_cast<std::size_t>(kind));
}

minute parse_minute(std::string_view text, std::string& wrong)
{
    if (text.size() != 20 || !text.ends_with(":00Z")) {
        wrong = "no whole minute in UTC: " + std::string(text);
        return 0;
    }
    const auto number = [&](std::size_t at, std::size_t length) {
        return std::stoi(std::string(text.substr(at, length)));
    };
    return minutes_at(sys_days{year{number(0, 4)} / number(5, 2) / number(8, 2)}) + number(11, 2) * 60 +
           number(14, 2);
}

} // namespace

oracle_zone::oracle_zone(std::string windows_id, const std::string& iana_id)
    : windows_id_(std::move(windows_id))
{
    const library_zone set(iana_id);
    const auto offset_at = [](minute t) { return static_cast<int>(library_zone::at(t).tm_gmtoff / 60); };
    const auto first = minutes_at(2025y / June / 1), last = minutes_at(2029y / January / 1);
    eras_.push_back({first, offset_at(first), library_zone::at(first).tm_isdst > 0});
    for (auto t = first; t < last; t += 60) {
        if (offset_at(t + 60) == eras_.back().offset)
            continue;
        auto change = t + 1;
        while (offset_at(change) == eras_.back().offset)
            ++change;
        eras_.push_back({change, offset_at(change), library_zone::at(change).tm_isdst > 0});
    }
}

const oracle_zone::era& oracle_zone::era_at(minute utc) const
{
    auto at = eras_.end() - 1;
    while (at != eras_.begin() && at->from > utc)
        --at;
    return *at;
}

minute oracle_zone::to_local(minute utc) const
{
    return utc + era_at(utc).offset;
}

minute oracle_zone::to_utc(minute local) const
{
    std::optional<minute> found;
    int standard = eras_.front().offset;
    for (const auto& e : eras_) {
        if (!e.daylight)
            standard = e.offset;
        const auto utc = local - e.offset;
        if (&era_at(utc) != &e)
            continue;
        if (!found || !e.daylight)
            found = utc;
    }
    return found.value_or(local - standard);
}

const std::vector<oracle_zone>& oracle_zones()
{
    static const std::vector<oracle_zone> zones{
        {"UTC", "Etc/UTC"},
        {"W. Europe Standard Time", "Europe/Berlin"},
        {"GMT Standard Time", "Europe/London"},
        {"Eastern Standard Time", "America/New_York"},
        {"Newfoundland Standard Time", "America/St_Johns"},
        {"Pacific SA Standard Time", "America/Santiago"},
        {"Lord Howe Standard Time", "Australia/Lord_Howe"},
        {"Cen. Australia Standard Time", "Australia/Adelaide"},
        {"Chatham Islands Standard Time", "Pacific/Chatham"},
        {"Nepal Standard Time", "Asia/Kathmandu"},
        {"India Standard Time", "Asia/Kolkata"},
        {"Israel Standard Time", "Asia/Jerusalem"},
        {"Egypt Standard Time", "Africa/Cairo"},
        {"Azores Standard Time", "Atlantic/Azores"},
        {"Line Islands Standard Time", "Pacific/Kiritimati"},
    };
    return zones;
}

std::int64_t pick(random_source& random, std::int64_t least, std::int64_t most)
{
    return std::uniform_int_distribution<std::int64_t>(least, most)(random);
}

bool chance(random_source& random, int percent)
{
    return pick(random, 1, 100) <= percent;
}

random_calendar make_calendar(random_source& random, minute from, minute to, int items)
{
    calendar_maker maker(random, from, to);
    for (int i = 0; i < items; ++i)
        maker.add();
    return std::move(maker.made);
}

minute_map minutes_of(const std::vector<taken_time>& taken, minute from, minute to)
{
    minute_map map;
    for (auto& kind : map)
        kind.resize(static_cast<std::size_t>(to - from));
    for (const auto& t : taken)
        for (auto m = std::max(t.start, from); m < std::min(t.end, to); ++m)
            map.at(static_cast<std::size_t>(t.kind))[static_cast<std::size_t>(m - from)] = true;
    return map;
}

minute_map merged_minutes(const std::vector<const random_calendar*>& calendars, minute from, minute to,
                          minute slot)
{
    const auto slots = static_cast<std::size_t>((to - from + slot - 1) / slot);
    std::vector<int> worst(slots, -1);
    for (const auto* calendar : calendars) {
        // The last slot may reach beyond the window, and sees what lies there.
        const auto map = minutes_of(calendar->taken, from, from + static_cast<minute>(slots) * slot);
        for (int kind = 0; kind < 5; ++kind)
            for (std::size_t m = 0; m < map.at(static_cast<std::size_t>(kind)).size(); ++m)
                if (map.at(static_cast<std::size_t>(kind))[m]) {
                    auto& w = worst[m / static_cast<std::size_t>(slot)];
                    if (w < 0 || weight(kind) > weight(w))
                        w = kind;
                }
    }
    std::vector<taken_time> taken;
    for (std::size_t i = 0; i < slots; ++i)
        if (worst[i] >= 0)
            taken.push_back({from + static_cast<minute>(i) * slot, from + static_cast<minute>(i + 1) * slot,
                             static_cast<kind_of_time>(worst[i])});
    return minutes_of(taken, from, to);
}

read_busy read_minutes(const json::array& busy, minute from, minute to)
{
    read_busy read;
    std::vector<taken_time> periods;
    for (const auto& entry : busy) {
        const auto& o = entry.as_object();
        const auto text = [&](const char* key) { return std::string_view(o.at(key).as_string()); };
        const auto status = std::ranges::find(kind_names, text("status"));
        if (status == kind_names.end()) {
            read.wrong = "no such status: " + std::string(text("status"));
            continue;
        }
        const taken_time t{parse_minute(text("start"), read.wrong), parse_minute(text("end"), read.wrong),
                           static_cast<kind_of_time>(status - kind_names.begin())};
        if (t.start < from || t.end > to || t.start >= t.end)
            read.wrong = "not cut to the window: " + rfc3339(t.start);
        if (!periods.empty() && t.start < periods.back().start)
            read.wrong = "not sorted: " + rfc3339(t.start);
        for (const auto& other : periods)
            if (other.kind == t.kind && other.start <= t.end && t.start <= other.end)
                read.wrong = "two periods of one status meet: " + rfc3339(t.start);
        periods.push_back(t);
    }
    read.minutes = minutes_of(periods, from, to);
    return read;
}

std::string difference(const minute_map& got, const minute_map& wanted, minute from)
{
    for (std::size_t kind = 0; kind < got.size(); ++kind)
        for (std::size_t m = 0; m < got.at(kind).size(); ++m)
            if (got.at(kind)[m] != wanted.at(kind)[m])
                return rfc3339(from + static_cast<minute>(m)) + (got.at(kind)[m] ? " is " : " is not ") +
                       std::string(kind_names.at(kind));
    return {};
}

std::string rfc3339(minute utc)
{
    return wall_clock(utc) + "Z";
}

} // namespace relay::test
