#include "agent/doctor/report.hpp"

#include "common/text/repair.hpp"

#include <boost/json/array.hpp>

#include <algorithm>

namespace relay::doctor {

check not_tried(std::string_view name, std::string_view why)
{
    return {std::string(name), false, "not tried: " + std::string(why), {}};
}

boost::json::object to_json(const report& r)
{
    boost::json::array checks;
    for (const auto& c : r)
        checks.push_back({{"name", c.name}, // names of files are bytes
                          {"ok", c.ok},
                          {"message", to_utf8(c.message)},
                          {"advice", to_utf8(c.advice)}});
    return {{"ok", all_well(r)}, {"checks", std::move(checks)}};
}

bool all_well(const report& r) noexcept
{
    return std::ranges::all_of(r, &check::ok);
}

void progress::begin(std::string_view name)
{
    if (listener_.begun)
        listener_.begun(name);
}

void progress::end(check c)
{
    report_.push_back(std::move(c));
    if (listener_.ended)
        listener_.ended(report_.back());
}

void progress::end(std::vector<check> several)
{
    for (auto& c : several)
        end(std::move(c));
}

} // namespace relay::doctor
