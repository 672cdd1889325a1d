// How a mistake repeats a name from outside, and suggests a known one.
#pragma once

#include "common/text/text.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

namespace relay::config {

// A key as it may be printed: not endless, no control characters.
inline std::string shown(std::string_view key)
{
    std::string out(utf8_prefix(key, 100));
    for (auto& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '?';
    return out;
}

// "; did you mean exchange.url?", or nothing where none of `names` is near to `wrong`.
template <class Range>
std::string suggest(std::string_view wrong, const Range& names)
{
    constexpr std::size_t longest =
        100; // comparing costs the product of the lengths, and no key is half as long
    const auto name = wrong.size() <= longest ? nearest_name(wrong, names) : std::nullopt;
    return name ? fmt::format("; did you mean {}?", *name) : "";
}

} // namespace relay::config
