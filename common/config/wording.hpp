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

inline std::string suggest(const std::optional<std::string_view>& name)
{
    return name ? fmt::format("; did you mean {}?", *name) : "";
}

} // namespace relay::config
