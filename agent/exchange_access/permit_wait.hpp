// Waiting for a permit to ask Exchange, for what is no command.
#pragma once

#include "agent/exchange_access/concurrency_limiter.hpp"
#include "common/async/async.hpp"

namespace relay::exchange_access {

// As a read, in the budget of `mailbox` (its key; empty: the service account's own). Not here() where the coroutine was
// cancelled first.
task<concurrency_limiter::permit> acquire_permit(concurrency_limiter& line, std::string mailbox);

} // namespace relay::exchange_access
