// Waiting for a notifier, but not for ever.
#pragma once

#include "common/async/notifier.hpp"

namespace relay::cloud_sim {

// Returns when `n` was notified or `limit` is over: look at the condition again. `n` must outlive the wait.
inline task<void> wait_at_most(time_source& time, duration limit, notifier& n)
{
    using namespace asio::experimental::awaitable_operators;
    co_await (n.wait() || time.sleep_for(limit));
}

} // namespace relay::cloud_sim
