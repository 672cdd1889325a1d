#include "agent/uplink/websocket_link.hpp"

#include "common/time/rfc3339.hpp"

#include <array>

namespace relay::uplink {

std::optional<utc_time> parse_http_date(std::string_view text)
{
    // "Sun, 22 Nov 2026 10:00:00 GMT": every part has its place.
    static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || !text.ends_with(" GMT") || text.substr(3, 2) != ", ")
        return std::nullopt;
    for (std::size_t month = 0; month < months.size(); ++month) {
        if (text.substr(8, 3) != months[month])
            continue;
        std::string iso(text.substr(12, 4));
        iso += month < 9 ? "-0" : "-";
        iso += std::to_string(month + 1) + "-" + std::string(text.substr(5, 2)) + "T" +
               std::string(text.substr(17, 8)) + "Z";
        const auto time = parse_rfc3339(iso);
        return time.has_value() ? std::optional(*time) : std::nullopt;
    }
    return std::nullopt;
}

} // namespace relay::uplink
