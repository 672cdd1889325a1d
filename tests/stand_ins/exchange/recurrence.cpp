#include "tests/stand_ins/exchange/recurrence.hpp"

#include <algorithm>

namespace relay::exchange_sim {
namespace {

using namespace std::chrono;

bool is_among(unsigned weekdays, local_days date)
{
    return (weekdays >> weekday{date}.c_encoding() & 1U) != 0;
}

// The date that a monthly or yearly pattern has in one month: every month has four of each weekday.
local_days date_in(const recurrence& r, year_month month)
{
    const local_days first{month / day{1}}, end{(month + months{1}) / day{1}};
    if (r.week == 0)
        return std::min(first + days{r.day} - days{1}, end - days{1});
    if (r.week == 5) {
        auto date = end - days{1};
        while (!is_among(r.weekdays, date))
            date -= days{1};
        return date;
    }
    auto date = first;
    for (unsigned seen = 0;; date += days{1})
        if (is_among(r.weekdays, date) && ++seen == r.week)
            return date;
}

// Takes dates in order until the series, or what is wanted of it, is over.
class collector {
public:
    collector(const recurrence& r, local_days last) : r_(r), last_(r.end ? std::min(last, *r.end) : last) {}

    // False where no later date counts either.
    bool take(local_days date)
    {
        if (date > last_ || (r_.count != 0 && static_cast<int>(dates.size()) == r_.count))
            return false;
        if (date >= r_.start)
            dates.push_back(date);
        return true;
    }

    std::vector<local_days> dates;

private:
    const recurrence& r_;
    local_days last_;
};

void collect_daily(const recurrence& r, collector& c)
{
    for (auto date = r.start; c.take(date);)
        date += days{r.interval};
}

void collect_weekly(const recurrence& r, collector& c)
{
    const auto into_week = weekday{r.start} - weekday{r.first_day_of_week};
    for (auto week = r.start - into_week;; week += weeks{r.interval})
        for (days d{0}; d < weeks{1}; ++d)
            if (is_among(r.weekdays, week + d) && !c.take(week + d))
                return;
}

void collect_by_month(const recurrence& r, collector& c)
{
    const year_month_day start{r.start};
    const bool yearly = r.every == recurrence::frequency::yearly;
    auto at = start.year() / (yearly ? month{r.month} : start.month());
    while (c.take(date_in(r, at)))
        at += months{r.interval * (yearly ? 12 : 1)};
}

} // namespace

std::vector<local_days> dates_of(const recurrence& r, local_days last)
{
    collector c(r, last);
    switch (r.every) {
    case recurrence::frequency::daily:
        collect_daily(r, c);
        break;
    case recurrence::frequency::weekly:
        collect_weekly(r, c);
        break;
    case recurrence::frequency::monthly:
    case recurrence::frequency::yearly:
        collect_by_month(r, c);
        break;
    }
    return std::move(c.dates);
}

} // namespace relay::exchange_sim
