// `queue drop` where no agent runs.
#pragma once

#include "agent/store/offline/queue_reader.hpp"

namespace relay::store {

enum class drop_verdict {
    dropped,
    unknown,         // no such command
    finished,        // it has its result
    outcome_unknown, // a try was begun: the next start looks up whether it took effect
    redelivered,     // another agent may have carried it out: only looking it up tells
};

// Whether a write that no agent holds may be dropped: whoever waits and is known to have changed nothing.
drop_verdict may_drop(const queue_entry& e) noexcept;

// Ends the write `id` of the queue in `folder` with the error `cancelled`, as a stored result that the next start delivers.
// Takes the data folder's lock, so no agent can be at work on it. `now`: when it ends. What was reported as an error has
// changed nothing. Errors: errc::store_locked where an agent runs, not_found where there is no queue, and those of
// queue_store; `problem` then receives what SQLite said.
result<drop_verdict> drop_waiting(const std::filesystem::path& folder, std::string_view id, utc_time now,
                                  std::string* problem = nullptr);

} // namespace relay::store
