#include "tests/bench/report.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace relay::bench {
namespace {

boost::json::object json_of(const std::vector<sample>& rounds)
{
    return {{"p50_us", median(rounds, &sample::p50_us)},
            {"p99_us", median(rounds, &sample::p99_us)},
            {"per_second", median(rounds, &sample::per_second)},
            {"cpu_us_per_command", median(rounds, &sample::cpu_us)}};
}

std::string row(const std::string& who, const std::vector<sample>& rounds)
{
    const auto cpu = median(rounds, &sample::cpu_us);
    return fmt::format("  {:<34}{:>10.0f}{:>10.0f}{:>12.0f}{:>12}\n", who, median(rounds, &sample::p50_us),
                       median(rounds, &sample::p99_us), median(rounds, &sample::per_second),
                       cpu > 0 ? fmt::format("{:.0f}", cpu) : "");
}

} // namespace

double median(std::vector<double> values)
{
    if (values.empty())
        return 0;
    std::ranges::sort(values);
    const auto middle = values.size() / 2;
    return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double median(const std::vector<sample>& rounds, double sample::*pick)
{
    std::vector<double> values;
    for (const auto& s : rounds)
        values.push_back(s.*pick);
    return median(std::move(values));
}

double ratio(const std::vector<sample>& a, const std::vector<sample>& b, double sample::*pick)
{
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
        if (b[i].*pick > 0)
            ratios.push_back(a[i].*pick / (b[i].*pick));
    return median(std::move(ratios));
}

std::string report::table() const
{
    std::string out;
    for (const auto& c : contests) {
        out += fmt::format("\n{:<36}{:>10}{:>10}{:>12}{:>12}\n", c.name, "p50 us", "p99 us", "per second",
                           "CPU us each");
        out += row("(a) cloud - agent - Exchange", c.agent);
        out += row("(b) client - nginx - Exchange", c.proxy);
        out += row("(c) cloud - byte pipe - Exchange", c.floor);
        out += fmt::format("  p50 a/b {:.2f}, a/c {:.2f}; throughput a/b {:.2f}, a/c {:.2f}\n",
                           ratio(c.agent, c.proxy, &sample::p50_us), ratio(c.agent, c.floor, &sample::p50_us),
                           ratio(c.agent, c.proxy, &sample::per_second),
                           ratio(c.agent, c.floor, &sample::per_second));
    }
    out += '\n';
    for (const auto& [name, value] : facts)
        out += fmt::format("  {:<44}{:>12}\n", std::string_view(name), boost::json::serialize(value));
    out += "\nTargets\n";
    for (const auto& t : targets)
        out += fmt::format("  {:<44}{:>8.2f}   {} {:g}   {}\n", t.name, t.value,
                           t.at_least ? ">=" : "<=", t.limit, t.met() ? "met" : "MISSED");
    return out;
}

boost::json::object report::json() const
{
    boost::json::object all;
    boost::json::array list;
    for (const auto& c : contests)
        list.push_back({{"name", c.name},
                        {"agent", json_of(c.agent)},
                        {"proxy", json_of(c.proxy)},
                        {"floor", json_of(c.floor)},
                        {"p50_agent_over_proxy", ratio(c.agent, c.proxy, &sample::p50_us)},
                        {"p50_agent_over_floor", ratio(c.agent, c.floor, &sample::p50_us)},
                        {"throughput_agent_over_proxy", ratio(c.agent, c.proxy, &sample::per_second)}});
    all["contests"] = std::move(list);
    all["facts"] = facts;
    boost::json::array goals;
    for (const auto& t : targets)
        goals.push_back({{"name", t.name}, {"value", t.value}, {"limit", t.limit}, {"met", t.met()}});
    all["targets"] = std::move(goals);
    return all;
}

} // namespace relay::bench
