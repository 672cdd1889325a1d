#include "agent/dispatch/availability.hpp"

#include <algorithm>
#include <tuple>

namespace relay::dispatch {

std::vector<availability_part> split_availability(std::size_t mailboxes, utc_time start, utc_time end)
{
    std::vector<availability_part> parts;
    for (std::size_t first = 0; first < mailboxes; first += ews::max_availability_mailboxes) {
        const auto count = std::min(ews::max_availability_mailboxes, mailboxes - first);
        for (auto from = start; from < end; from += ews::max_availability_window)
            parts.push_back(
                {first, count, from, std::min<utc_time>(end, from + ews::max_availability_window)});
    }
    return parts;
}

std::vector<ews::busy_period> join_periods(std::vector<ews::busy_period> periods, utc_time start,
                                           utc_time end)
{
    for (auto& p : periods) {
        p.start = std::max(p.start, start);
        p.end = std::min(p.end, end);
    }
    std::erase_if(periods, [](const auto& p) { return p.start >= p.end; });

    const auto by_status = [](const auto& p) { return std::tuple(p.status, p.start, p.end); };
    std::ranges::sort(periods, {}, by_status);
    std::vector<ews::busy_period> joined;
    for (const auto& p : periods) {
        if (!joined.empty() && joined.back().status == p.status && p.start <= joined.back().end)
            joined.back().end = std::max(joined.back().end, p.end);
        else
            joined.push_back(p);
    }
    std::ranges::sort(joined, {}, [](const auto& p) { return std::tuple(p.start, p.end, p.status); });
    return joined;
}

} // namespace relay::dispatch
