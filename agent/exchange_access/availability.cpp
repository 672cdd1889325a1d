#include "agent/exchange_access/availability.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace relay::exchange_access {

std::vector<availability_part> split_availability(std::size_t mailboxes, utc_time start, utc_time end)
{
    std::vector<availability_part> parts;
    for (std::size_t first = 0; first < mailboxes; first += ews::max_availability_mailboxes) {
        const auto count = std::min(ews::max_availability_mailboxes, mailboxes - first);
        // Windows meet at whole seconds, in which Exchange counts.
        for (auto from = start; from < end;) {
            const auto to = std::min<utc_time>(end, std::chrono::floor<std::chrono::seconds>(from) +
                                                        ews::max_availability_window);
            parts.push_back({first, count, from, to});
            from = to;
        }
    }
    return parts;
}

std::vector<availability_part> split_availability(const std::vector<std::size_t>& numbers, utc_time start,
                                                  utc_time end)
{
    auto parts = split_availability(numbers.size(), start, end);
    for (auto& part : parts) {
        const auto first = numbers.begin() + static_cast<std::ptrdiff_t>(part.first);
        part.only.assign(first, first + static_cast<std::ptrdiff_t>(part.count));
    }
    return parts;
}

std::vector<std::size_t> mailboxes_of(const availability_part& part)
{
    if (!part.only.empty())
        return part.only;
    std::vector<std::size_t> all(part.count);
    std::iota(all.begin(), all.end(), part.first);
    return all;
}

std::vector<availability_part> halve_window(const availability_part& part, std::vector<std::size_t> mailboxes)
{
    // At a whole number of the smallest windows, so that none becomes smaller than it has to be.
    constexpr milliseconds step = ews::min_availability_window;
    const auto half = (part.end - part.start) / 2 / step * step;
    if (half == milliseconds{0} || mailboxes.empty())
        return {};
    const auto middle = std::chrono::floor<std::chrono::seconds>(part.start) + half;
    std::vector<availability_part> halves{{0, 0, part.start, middle, mailboxes}};
    halves.push_back({0, 0, middle, part.end, std::move(mailboxes)});
    return halves;
}

std::vector<availability_part> halve_mailboxes(const availability_part& part,
                                               const std::vector<std::size_t>& mailboxes)
{
    return split_mailboxes(part, mailboxes, 2);
}

std::vector<availability_part> split_mailboxes(const availability_part& part,
                                               const std::vector<std::size_t>& mailboxes, std::size_t pieces)
{
    std::vector<availability_part> lists;
    if (mailboxes.size() < 2)
        return lists;
    pieces = std::min(pieces, mailboxes.size());
    for (std::size_t n = 0; n < pieces; ++n) {
        const auto at = [&](std::size_t piece) {
            return mailboxes.begin() + static_cast<std::ptrdiff_t>(mailboxes.size() * piece / pieces);
        };
        lists.push_back({0, 0, part.start, part.end, {at(n), at(n + 1)}});
    }
    return lists;
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
    if (!std::ranges::is_sorted(periods, {}, by_status)) // mostly they come so
        std::ranges::sort(periods, {}, by_status);
    std::vector<ews::busy_period> joined;
    for (const auto& p : periods) {
        if (!joined.empty() && joined.back().status == p.status && p.start <= joined.back().end)
            joined.back().end = std::max(joined.back().end, p.end);
        else
            joined.push_back(p);
    }
    const auto by_time = [](const auto& p) { return std::tuple(p.start, p.end, p.status); };
    if (!std::ranges::is_sorted(joined, {}, by_time))
        std::ranges::sort(joined, {}, by_time);
    return joined;
}

} // namespace relay::exchange_access
