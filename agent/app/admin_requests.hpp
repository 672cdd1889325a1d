// `queue retry` and `queue drop`, as the running agent answers them.
#pragma once

#include "agent/admin/messages.hpp"
#include "agent/commands/dispatcher.hpp"

namespace relay::app {

// Does what is asked where that is safe, and says what was done or why not. Loop thread. A write that was dropped has its
// result as soon as the queue has stored that: whoever asked looks there.
admin::answer answer_admin_request(commands::dispatcher& works, const admin::request& asked);

} // namespace relay::app
