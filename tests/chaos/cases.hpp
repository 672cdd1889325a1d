// What the sweep does, one case each: where the agent is killed, and the road that leads there.
#pragma once

#include "tests/chaos/lab.hpp"

#include <functional>
#include <string>
#include <vector>

namespace relay::chaos {

struct sweep_case {
    std::string name;
    std::string place; // of common/crash_point without the count, or one of outside_places
    // Leads the agent there, from any state of the lab; false where it did not die. What follows is the same
    // for all: heal, and judge.
    std::function<bool(lab&)> road;
    std::size_t stores =
        1; // that the cloud knows afterwards, at most; more than one: the lab is not used again
};

// Killed from outside, while Exchange has the request: it has only arrived; it is carried out but not
// answered.
inline constexpr const char* outside_places[] = {"exchange.received", "exchange.carried_out"};

// All places, those of common/crash_point first.
std::vector<std::string> all_places();

// Every place by every kind of write and every fault that hides Exchange's answer, where it makes sense;
// `reduced`: every place, but the kinds and faults take turns.
std::vector<sweep_case> sweep_cases(bool reduced);

} // namespace relay::chaos
