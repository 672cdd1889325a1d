// The clocks of the machine, as its operating system names them: the one place that differs between systems.
#pragma once

#include "common/time/elapsed_clock.hpp"

namespace relay {

// Reads them as nearly at one instant as can be. Costs a few calls that do not enter the kernel.
clock_readings read_machine_clocks();

} // namespace relay
