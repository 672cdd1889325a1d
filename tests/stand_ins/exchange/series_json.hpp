// A series as the control interface has it: {"pattern","interval",…,"changed","deleted"}, see the stand-ins' README.
#pragma once

#include "tests/stand_ins/exchange/recurrence.hpp"

#include <boost/json/value.hpp>

namespace relay::exchange_sim {

// `first` is the date on which the item itself starts, in its `zone`: where the series begins, unless it says.
// Throws std::invalid_argument in plain words.
series read_series(const boost::json::value& json, std::chrono::local_days first, const zone_rule& zone);

} // namespace relay::exchange_sim
