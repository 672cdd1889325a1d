// Time zones as Exchange names them: Windows ids, with one daylight rule a zone (what SerializableTimeZone
// can say).
#pragma once

#include "common/time/time_source.hpp"

#include <map>
#include <string>
#include <string_view>

namespace relay::exchange_sim {

// A wall clock time without a zone, counted as if it were UTC.
using local_time = std::chrono::local_time<milliseconds>;

struct zone_rule {
    struct switch_day {
        unsigned month = 0;   // 1..12; 0: the zone has no daylight time
        unsigned week = 1;    // 1..5, 5: the last
        unsigned weekday = 0; // 0: Sunday
        std::chrono::seconds time{
            0}; // of the clock that is about to be changed; may be negative or over a day
    };

    // UTC = local + bias + (standard_bias or daylight_bias).
    std::chrono::minutes bias{0}, standard_bias{0}, daylight_bias{0};
    switch_day to_standard, to_daylight;

    bool has_daylight() const noexcept { return to_daylight.month != 0 && standard_bias != daylight_bias; }
    bool is_daylight(utc_time t) const;
    local_time to_local(utc_time t) const;
    // Of a wall clock time that exists twice, the standard one; one that is skipped is taken as standard
    // time.
    utc_time to_utc(local_time t) const;
};

// Reads the rule of a POSIX TZ string, as it ends every tz database file: "CET-1CEST,M3.5.0,M10.5.0/3".
result<zone_rule> parse_posix_zone(std::string_view text);

// The zones Exchange knows. Made once from CLDR's list and the machine's tz database; read-only afterwards.
class zone_table {
public:
    // `windows_zones` is CLDR's windowsZones.xml. Throws std::runtime_error where it cannot be read.
    static zone_table load(const std::string& windows_zones, const std::string& tz_database);

    // nullptr where `id` is no Windows zone id (they are compared exactly).
    const zone_rule* find(std::string_view id) const noexcept;
    const std::map<std::string, zone_rule, std::less<>>& all() const noexcept { return zones_; }

private:
    std::map<std::string, zone_rule, std::less<>> zones_;
};

} // namespace relay::exchange_sim
