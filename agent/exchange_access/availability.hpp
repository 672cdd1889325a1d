// Splitting a free/busy question at Exchange's limits, and joining the answers into the protocol's busy periods.
#pragma once

#include "agent/ews/exchange.hpp"

#include <vector>

namespace relay::exchange_access {

// One request to Exchange: `count` mailboxes from `first` on, for one window; or some of them.
struct availability_part {
    std::size_t first = 0, count = 0;
    utc_time start{}, end{};
    std::vector<std::size_t> only{}; // where not empty: these instead
};

// The parts that cover `mailboxes` x [start, end) within Exchange's limits, windows varying fastest. end > start.
std::vector<availability_part> split_availability(std::size_t mailboxes, utc_time start, utc_time end);

// The same for the mailboxes `numbers` alone.
std::vector<availability_part> split_availability(const std::vector<std::size_t>& numbers, utc_time start,
                                                  utc_time end);

// The mailboxes of a part, by their number in the question.
std::vector<std::size_t> mailboxes_of(const availability_part& part);

// What asks for `mailboxes` in the window of `part` as two requests, where one is more than Exchange answers: earlier
// and later half of the time, or the mailboxes in two halves. Empty where that cannot be halved any more.
std::vector<availability_part> halve_window(const availability_part& part,
                                            std::vector<std::size_t> mailboxes);
std::vector<availability_part> halve_mailboxes(const availability_part& part,
                                               const std::vector<std::size_t>& mailboxes);
// The mailboxes in up to `pieces` lists of about one length.
std::vector<availability_part> split_mailboxes(const availability_part& part,
                                               const std::vector<std::size_t>& mailboxes, std::size_t pieces);

// Cuts to [start, end), joins touching or overlapping periods of one status, sorts by start.
std::vector<ews::busy_period> join_periods(std::vector<ews::busy_period> periods, utc_time start,
                                           utc_time end);

} // namespace relay::exchange_access
