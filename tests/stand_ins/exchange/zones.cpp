#include "tests/stand_ins/exchange/zones.hpp"

#include <pugixml.hpp>

#include <charconv>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace relay::exchange_sim {
namespace {

using namespace std::chrono;

local_time moment(const zone_rule::switch_day& day, year y)
{
    const month m{day.month};
    const weekday w{day.weekday};
    const local_days date = day.week >= 5 ? local_days(y / m / w[last]) : local_days(y / m / w[day.week]);
    return date + day.time;
}

utc_time shifted(local_time t, minutes bias)
{
    return utc_time(t.time_since_epoch() + bias);
}

// Reads POSIX TZ strings from left to right.
class posix_reader {
public:
    explicit posix_reader(std::string_view text) : rest_(text) {}

    bool at_end() const { return rest_.empty(); }
    bool take(char c)
    {
        const bool there = rest_.starts_with(c);
        rest_.remove_prefix(there);
        return there;
    }
    bool skip_name()
    {
        const auto length =
            rest_.starts_with('<') ? rest_.find('>') + 1 : rest_.find_first_of("+-0123456789,");
        const auto n = std::min(length, rest_.size());
        rest_.remove_prefix(n);
        return n != 0;
    }
    bool number(int& value)
    {
        const auto [end, bad] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
        if (bad != std::errc{})
            return false;
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
        return true;
    }
    // [+|-]h[:m[:s]]
    bool time(seconds& value)
    {
        const bool negative = rest_.starts_with('-');
        if (!take('-'))
            take('+');
        int h = 0, m = 0, s = 0;
        if (!number(h) || (take(':') && !number(m)) || (take(':') && !number(s)))
            return false;
        value = hours(h) + minutes(m) + seconds(s);
        if (negative)
            value = -value;
        return true;
    }
    // ,Mm.w.d[/time]
    bool day(zone_rule::switch_day& value)
    {
        int m = 0, w = 0, d = 0;
        value.time = hours(2);
        if (!take(',') || !take('M') || !number(m) || !take('.') || !number(w) || !take('.') || !number(d))
            return false;
        value.month = static_cast<unsigned>(m);
        value.week = static_cast<unsigned>(w);
        value.weekday = static_cast<unsigned>(d);
        return m >= 1 && m <= 12 && w >= 1 && w <= 5 && d >= 0 && d <= 6 && (!take('/') || time(value.time));
    }

private:
    std::string_view rest_;
};

// The last line of a tz database file (RFC 8536, section 3.3) is the rule that holds from now on.
std::string footer(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(in), {}};
    if (all.size() < 2 || all.back() != '\n')
        throw std::runtime_error("cannot read the time zone " + path);
    const auto start = all.rfind('\n', all.size() - 2);
    return all.substr(start + 1, all.size() - start - 2);
}

} // namespace

bool zone_rule::is_daylight(utc_time t) const
{
    if (!has_daylight())
        return false;
    const auto y = year_month_day(floor<days>(t - bias - standard_bias)).year();
    const auto begins = shifted(moment(to_daylight, y), bias + standard_bias);
    const auto ends = shifted(moment(to_standard, y), bias + daylight_bias);
    return begins < ends ? t >= begins && t < ends : t >= begins || t < ends;
}

local_time zone_rule::to_local(utc_time t) const
{
    return local_time((t - bias - (is_daylight(t) ? daylight_bias : standard_bias)).time_since_epoch());
}

utc_time zone_rule::to_utc(local_time t) const
{
    const auto as_standard = shifted(t, bias + standard_bias);
    if (!has_daylight() || !is_daylight(as_standard))
        return as_standard;
    const auto as_daylight = shifted(t, bias + daylight_bias);
    return is_daylight(as_daylight) ? as_daylight : as_standard;
}

result<zone_rule> parse_posix_zone(std::string_view text)
{
    posix_reader in(text);
    zone_rule rule;
    seconds standard{0};
    if (!in.skip_name() || !in.time(standard))
        return errc::bad_time_zone;
    rule.bias = floor<minutes>(standard);
    if (in.at_end())
        return rule;
    seconds daylight = standard - hours(1);
    if (!in.skip_name())
        return errc::bad_time_zone;
    seconds given{0};
    if (auto ahead = in; ahead.time(given)) {
        in = ahead;
        daylight = given;
    }
    if (!in.day(rule.to_daylight) || !in.day(rule.to_standard) || !in.at_end())
        return errc::bad_time_zone;
    rule.daylight_bias = floor<minutes>(daylight - standard);
    return rule;
}

zone_table zone_table::load(const std::string& windows_zones, const std::string& tz_database)
{
    pugi::xml_document list;
    if (!list.load_file(windows_zones.c_str()))
        throw std::runtime_error("cannot read the list of Windows time zones " + windows_zones);
    zone_table table;
    for (const auto zone :
         list.child("supplementalData").child("windowsZones").child("mapTimezones").children("mapZone")) {
        if (std::string_view(zone.attribute("territory").value()) != "001")
            continue;
        const auto rule = parse_posix_zone(footer(tz_database + '/' + zone.attribute("type").value()));
        if (!rule)
            throw std::runtime_error(std::string("no rule for the time zone ") +
                                     zone.attribute("type").value());
        table.zones_.emplace(zone.attribute("other").value(), *rule);
    }
    if (table.zones_.empty())
        throw std::runtime_error("no time zones in " + windows_zones);
    return table;
}

const zone_rule* zone_table::find(std::string_view id) const noexcept
{
    const auto found = zones_.find(id);
    return found == zones_.end() ? nullptr : &found->second;
}

} // namespace relay::exchange_sim
