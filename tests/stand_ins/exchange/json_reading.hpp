// Reads values of the control interface's JSON. What is wrong is said with its key, as std::invalid_argument.
#pragma once

#include "tests/stand_ins/exchange/zones.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <span>
#include <string>
#include <string_view>

namespace relay::exchange_sim::json_reading {

namespace json = boost::json;

[[noreturn]] void refuse(std::string_view key, std::string_view why);

std::string text(std::string_view key, const json::value& value);
bool boolean(std::string_view key, const json::value& value);
int number(std::string_view key, const json::value& value, int least, int most);
const json::array& list(std::string_view key, const json::value& value);
const json::object& object(std::string_view key, const json::value& value);
// The place of a word among `words`.
unsigned place_of(std::string_view key, const json::value& value, std::span<const std::string_view> words);
std::string one_of(std::string_view key, const json::value& value, std::span<const std::string_view> words);

// RFC 3339, or a wall clock time of `zone` without an offset, or a date for its midnight there.
utc_time time(std::string_view key, const json::value& value, const zone_rule& zone);
// "2026-11-22"
std::chrono::local_days date(std::string_view key, const json::value& value);

} // namespace relay::exchange_sim::json_reading
