#include "tests/stand_ins/exchange/json_reading.hpp"

#include "common/time/rfc3339.hpp"

#include <algorithm>
#include <stdexcept>

namespace relay::exchange_sim::json_reading {

void refuse(std::string_view key, std::string_view why)
{
    throw std::invalid_argument(std::string(key) + ": " + std::string(why));
}

std::string text(std::string_view key, const json::value& value)
{
    if (!value.is_string())
        refuse(key, "must be a string");
    return std::string(value.get_string());
}

bool boolean(std::string_view key, const json::value& value)
{
    if (!value.is_bool())
        refuse(key, "must be true or false");
    return value.get_bool();
}

int number(std::string_view key, const json::value& value, int least, int most)
{
    error_code ec;
    const auto n = value.to_number<int>(ec);
    if (ec || n < least || n > most)
        refuse(key, "must be a number from " + std::to_string(least) + " to " + std::to_string(most));
    return n;
}

const json::array& list(std::string_view key, const json::value& value)
{
    if (!value.is_array())
        refuse(key, "must be a list");
    return value.get_array();
}

const json::object& object(std::string_view key, const json::value& value)
{
    if (!value.is_object())
        refuse(key, "must be an object");
    return value.get_object();
}

unsigned place_of(std::string_view key, const json::value& value, std::span<const std::string_view> words)
{
    const auto wanted = text(key, value);
    const auto found = std::ranges::find(words, wanted);
    if (found == words.end())
        refuse(key, "there is no such value: " + wanted);
    return static_cast<unsigned>(found - words.begin());
}

std::string one_of(std::string_view key, const json::value& value, std::span<const std::string_view> words)
{
    return std::string(words[place_of(key, value, words)]);
}

utc_time time(std::string_view key, const json::value& value, const zone_rule& zone)
{
    const auto given = text(key, value);
    if (const auto exact = parse_rfc3339(given))
        return *exact;
    auto wall_clock = parse_xml_time(given);
    if (!wall_clock)
        wall_clock = parse_xml_time(given + "T00:00:00");
    if (!wall_clock)
        refuse(key, "must be an RFC 3339 time, or a wall clock time or a date without an offset");
    return zone.to_utc(local_time(wall_clock->time_since_epoch()));
}

std::chrono::local_days date(std::string_view key, const json::value& value)
{
    const auto midnight = parse_xml_time(text(key, value) + "T00:00:00");
    if (!midnight)
        refuse(key, "must be a date");
    return std::chrono::local_days(std::chrono::floor<std::chrono::days>(*midnight).time_since_epoch());
}

} // namespace relay::exchange_sim::json_reading
