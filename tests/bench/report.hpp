// Figures of the benchmark: medians over rounds, ratios round by round, a table and a JSON file.
#pragma once

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <vector>

namespace relay::bench {

// Of one run of many calls.
struct sample {
    double p50_us = 0, p99_us = 0, per_second = 0;
    double cpu_us = 0; // of the program in the middle, per call; 0: not measured
};

// Rounds of the three contestants, taken in turn so that a drift of the machine hits all alike.
struct contest {
    std::string name;
    std::vector<sample> agent, proxy, floor;
};

double median(std::vector<double> values);
// `pick` of each, over the rounds.
double median(const std::vector<sample>& rounds, double sample::*pick);
// The median of the rounds' ratios.
double ratio(const std::vector<sample>& a, const std::vector<sample>& b, double sample::*pick);

// One target of the project: what is measured, and the limit it should keep.
struct target {
    std::string name;
    double value = 0;
    double limit = 0;
    bool at_least = false; // the limit is a floor, not a ceiling

    bool met() const noexcept { return at_least ? value >= limit : value <= limit; }
};

struct report {
    std::vector<contest> contests;
    std::vector<target> targets;
    boost::json::object facts; // single figures: memory, start, drain

    std::string table() const;
    boost::json::object json() const;
};

} // namespace relay::bench
