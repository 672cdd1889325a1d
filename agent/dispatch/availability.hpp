// Splitting a free/busy question at Exchange's limits, and joining the answers into the protocol's busy periods.
#pragma once

#include "agent/ews/exchange.hpp"

#include <vector>

namespace relay::dispatch {

// One request to Exchange: `count` mailboxes from `first` on, for one window.
struct availability_part {
    std::size_t first = 0, count = 0;
    utc_time start{}, end{};
};

// The parts that cover `mailboxes` x [start, end) within Exchange's limits, windows varying fastest. end > start.
std::vector<availability_part> split_availability(std::size_t mailboxes, utc_time start, utc_time end);

// Cuts to [start, end), joins touching or overlapping periods of one status, sorts by start.
std::vector<ews::busy_period> join_periods(std::vector<ews::busy_period> periods, utc_time start,
                                           utc_time end);

} // namespace relay::dispatch
