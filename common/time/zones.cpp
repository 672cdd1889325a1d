#include "common/time/zones.hpp"

#include <algorithm>
#include <iterator>

namespace relay {
namespace {

struct zone_pair {
    std::string_view from, to;
};

#include "common/time/zone_tables.inc"

static_assert(std::ranges::is_sorted(iana_to_windows, {}, &zone_pair::from));
static_assert(std::ranges::is_sorted(windows_to_iana, {}, &zone_pair::from));

template <std::size_t N>
const zone_pair* find(const zone_pair (&table)[N], std::string_view from) noexcept
{
    const auto* found = std::ranges::lower_bound(table, from, {}, &zone_pair::from);
    return found != std::end(table) && found->from == from ? found : nullptr;
}

} // namespace

bool is_iana_zone(std::string_view iana) noexcept
{
    return find(iana_to_windows, iana) != nullptr;
}

std::optional<std::string_view> windows_zone(std::string_view iana) noexcept
{
    const auto* found = find(iana_to_windows, iana);
    if (!found)
        return std::nullopt;
    return found->to.empty() ? "UTC" : found->to;
}

std::optional<std::string_view> iana_zone(std::string_view windows) noexcept
{
    const auto* found = find(windows_to_iana, windows);
    if (!found)
        return std::nullopt;
    return found->to;
}

} // namespace relay
