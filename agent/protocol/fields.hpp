// What reading an envelope and reading params have in common: ids, whole numbers and addresses. For this module only.
#pragma once

#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace relay::protocol {

// True for 1 to `longest` of A-Z a-z 0-9 . _ : -
bool is_id(std::string_view text, std::size_t longest) noexcept;

// Exchange may fold other characters of an address into those of another mailbox's.
bool is_ascii(std::string_view text) noexcept;

inline constexpr std::size_t longest_command_id = 64;
inline constexpr std::size_t longest_event_id = 200;

// A whole number, also one written as 5.0 or 5e0 (some JSON libraries know only doubles). One beyond 64 bits
// comes back as the nearest that fits, so that a range check says what is wrong with it.
std::optional<std::int64_t> as_integer(const boost::json::value& v) noexcept;

// The command id of a frame that is no JSON (cut short, a lone surrogate): the first "id" of the outermost
// object. Empty where there is none that could be one.
std::string salvage_id(std::string_view frame);

} // namespace relay::protocol
