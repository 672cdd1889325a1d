#include "tests/demo/day_picture.hpp"

#include "common/time/rfc3339.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <string_view>

namespace relay::demo {
namespace {

using namespace std::chrono_literals;

constexpr int first_hour = 8, last_hour = 18;
constexpr std::size_t name_width = 24;

std::string_view cell(std::string_view status, bool blocks)
{
    if (status == "busy")
        return blocks ? "██" : "##";
    if (status == "tentative")
        return blocks ? "▒▒" : "??";
    if (status == "oof")
        return blocks ? "░░" : "--";
    return blocks ? "··" : "..";
}

std::string status_at(const boost::json::array& busy, utc_time from, utc_time to)
{
    for (const auto& period : busy) {
        const auto start = parse_rfc3339(period.at("start").as_string());
        const auto end = parse_rfc3339(period.at("end").as_string());
        if (start.has_value() && end.has_value() && *start<to&& * end> from)
            return std::string(period.at("status").as_string());
    }
    return {};
}

} // namespace

std::string day_picture(const boost::json::array& mailboxes, const std::string& day, bool blocks)
{
    std::string picture(name_width, ' ');
    for (int hour = first_hour; hour < last_hour; ++hour)
        picture += fmt::format("{:02}   ", hour);
    picture += '\n';
    const auto midnight = parse_rfc3339(day + "T00:00:00Z").value();
    for (const auto& mailbox : mailboxes) {
        picture += fmt::format("{:<{}}", std::string_view(mailbox.at("mailbox").as_string()), name_width);
        if (!mailbox.at("ok").as_bool()) {
            picture += std::string(mailbox.at("error").at("code").as_string()) + '\n';
            continue;
        }
        for (auto t = midnight + std::chrono::hours(first_hour); t < midnight + std::chrono::hours(last_hour);
             t += 30min) {
            picture += cell(status_at(mailbox.at("busy").as_array(), t, t + 30min), blocks);
            if ((t - midnight) % 1h == 30min)
                picture += ' ';
        }
        picture += '\n';
    }
    picture +=
        fmt::format("{:<{}}{} busy   {} tentative   {} out of office   {} free", "", name_width,
                    cell("busy", blocks), cell("tentative", blocks), cell("oof", blocks), cell("", blocks));
    return picture;
}

} // namespace relay::demo
