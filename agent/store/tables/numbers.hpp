// How values lie in the tables: times as UTC milliseconds.
#pragma once

#include "common/time/time_source.hpp"

#include <cstdint>
#include <optional>

namespace relay::store {

inline std::int64_t to_number(utc_time t)
{
    return t.time_since_epoch().count();
}

inline utc_time to_time(std::int64_t n)
{
    return utc_time(milliseconds(n));
}

inline std::optional<utc_time> to_time(std::optional<std::int64_t> n)
{
    return n ? std::optional(to_time(*n)) : std::nullopt;
}

} // namespace relay::store
