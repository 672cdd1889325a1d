// dateTime values of requests: with a zone, or "naive" ones that some zone from elsewhere gives a meaning to.
#pragma once

#include "tests/stand_ins/exchange/zones.hpp"

#include <optional>

namespace relay::exchange_sim {

struct request_time {
    utc_time value; // where naive, the wall clock as if it were UTC
    bool naive;

    utc_time in(const zone_rule& zone) const
    {
        return naive ? zone.to_utc(local_time(value.time_since_epoch())) : value;
    }
};

// Throws soap_fault ErrorSchemaValidation for what is no dateTime.
request_time read_time(std::string_view text);

// Reads "02:00:00", with or without a fraction.
std::optional<std::chrono::seconds> parse_time_of_day(std::string_view text);

// "2026-11-22T10:00:00", without a zone.
std::string format_naive(local_time t);

} // namespace relay::exchange_sim
