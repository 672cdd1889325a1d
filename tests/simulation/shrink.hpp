// Makes a failing list of actions as short as it goes: what can be left out without healing the failure is
// left out.
#pragma once

#include "tests/simulation/actions.hpp"

#include <functional>

namespace relay::simulation {

// `fails` plays a scenario anew. Delta debugging: ever smaller stretches are removed, until no single action
// can be; then waits are shortened. Bounded by `most_tries` plays.
scenario shrink(scenario s, const std::function<bool(const scenario&)>& fails, int most_tries = 2'000);

} // namespace relay::simulation
