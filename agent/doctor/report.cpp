#include "agent/doctor/report.hpp"

#include <boost/json/array.hpp>

#include <algorithm>

namespace relay::doctor {

boost::json::object to_json(const report& r)
{
    boost::json::array checks;
    for (const auto& c : r)
        checks.push_back({{"name", c.name}, {"ok", c.ok}, {"message", c.message}, {"advice", c.advice}});
    return {{"ok", std::ranges::all_of(r, &check::ok)}, {"checks", std::move(checks)}};
}

} // namespace relay::doctor
