// `status`: asks the running agent over its local HTTP.
#pragma once

#include "service/cli.hpp"

namespace relay::service {

// Returns the exit code: 0 connected, 3 running but not connected, 4 not running (and what cli.hpp has for mistakes).
int tell_status(const ask_status& asked);

} // namespace relay::service
