// Forgets what finished long ago, so that the queue file does not grow for ever.
#pragma once

#include "agent/store/loop/vouched_time.hpp"
#include "agent/store/queue_store.hpp"

namespace spdlog {
class logger;
}

namespace relay::store {

// What is older than this may be forgotten, of that which is kept for `keep`. Nothing, while only the machine's own clock says
// that any time has passed: a clock that is wrong must not cost the memory of what was done.
std::optional<utc_time> forgettable(const vouched_time& clock, std::chrono::days keep);

// Once an hour, from the start on: prunes commands that ended more than `keep` ago (queue.history_days), in batches
// between which other calls of the store get their turn, and then gives free pages of the file back to the disk. Returns where the coroutine is cancelled. Loop thread.
task<void> keep_history(queue_store& store, const vouched_time& clock, time_source& time,
                        std::chrono::days keep, spdlog::logger& log);

} // namespace relay::store
