// The frames that the simulated cloud sends.
#pragma once

#include "tests/simulation/reference.hpp"

namespace relay::simulation {

// The command as the cloud words it.
std::string command_frame(const order& o);

} // namespace relay::simulation
