// Recurring meetings: which dates a pattern has ([MS-OXOCAL] 2.2.1.44.1, EWS's Recurrence), and what was changed or
// deleted of a series.
#pragma once

#include "tests/stand_ins/exchange/zones.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace relay::exchange_sim {

struct recurrence {
    enum class frequency { daily, weekly, monthly, yearly };

    frequency every = frequency::daily;
    int interval = 1;               // days, weeks, months or years from one to the next
    unsigned weekdays = 0;          // bit 0: Sunday; never 0 for weekly ones, nor for those with a week
    unsigned week = 0;              // 1..4, 5: the last; 0: a day of the month instead
    unsigned day = 1;               // of the month; past its end: its last day
    unsigned month = 1;             // yearly
    unsigned first_day_of_week = 0; // where the weeks of a weekly one begin; 0: Sunday
    std::chrono::local_days start{};
    std::optional<std::chrono::local_days> end{}; // the last date there may be one
    int count = 0;                                // 0: no limit by number
};

// The dates of occurrences up to `last`, in order. Work grows with the time since the start of the series.
std::vector<std::chrono::local_days> dates_of(const recurrence& r, std::chrono::local_days last);

// An occurrence that somebody moved or changed; what it does not have is the series'.
struct changed_occurrence {
    std::chrono::local_days date; // which one: where the pattern has it
    utc_time start{}, end{};
    std::optional<std::string> busy, subject, location;
};

struct series {
    recurrence pattern;
    std::vector<changed_occurrence> changed;
    std::set<std::chrono::local_days> deleted;
};

} // namespace relay::exchange_sim
