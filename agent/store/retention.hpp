// Forgets what finished long ago, so that the queue file does not grow for ever.
#pragma once

#include "agent/store/queue_store.hpp"

namespace spdlog {
class logger;
}

namespace relay::store {

// Once an hour, from the start on: prunes commands that ended more than `keep` ago (queue.history_days), in batches
// between which other calls of the store get their turn. Returns where the coroutine is cancelled. Loop thread.
task<void> keep_history(queue_store& store, time_source& time, std::chrono::days keep, spdlog::logger& log);

} // namespace relay::store
