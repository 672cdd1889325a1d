// Asks Exchange whether it answers while nothing else does: so that an outage, or a refused account, is known before the
// next booking meets it.
#pragma once

#include "agent/exchange_access/circuit_breaker.hpp"
#include "common/time/time_source.hpp"

namespace relay::exchange_access {

// One request at start, and another whenever `gate` has heard of none for a minute (INTERFACE.md, "Configuration"); what
// comes of it goes to `gate`. Until the coroutine is cancelled. Loop thread.
task<void> keep_asking(ews::exchange& exchange, circuit_breaker& gate, time_source& time);

} // namespace relay::exchange_access
