// Waiting until Exchange may be asked.
#pragma once

#include "agent/exchange_access/circuit_breaker.hpp"
#include "common/async/async.hpp"

namespace relay::watch {

// False where `stopping` became true or the coroutine was cancelled first. Others find out when a server that is away is
// back: commands that wait, and the idle probe.
task<bool> until_usable(exchange_access::circuit_breaker& gate, time_source& time, const bool& stopping);

} // namespace relay::watch
