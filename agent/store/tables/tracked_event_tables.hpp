// The agent's tracked events as a table, a part of queue_tables: plain, synchronous, on the thread that owns the connection.
#pragma once

#include "agent/store/sql/statement.hpp"
#include "agent/store/tracked_event.hpp"

namespace relay::store {

class tracked_event_tables {
public:
    explicit tracked_event_tables(sql::connection& db);

    // The write about `event_id` that ended at `at`.
    result<void> note(std::string_view event_id, const event_write& w, utc_time at);

    // ---- as in queue_store ----
    result<std::vector<tracked_event>> of_mailbox(std::string_view key, std::int64_t after, std::size_t most);
    result<std::vector<std::string>> mailboxes(std::string_view after, std::size_t most);

    // False where it is out of date: we have written since, or may have.
    result<bool> take(const event_observation& seen);
    // What they hold is not what we wrote last.
    result<void> doubt_all() { return doubt_all_.run({}); }
    // Forgets those that ended, and were written, before it.
    result<void> prune(utc_time before);

private:
    sql::connection& db_;
    sql::statement make_, change_, remove_, doubt_, doubt_all_;
    sql::statement of_mailbox_, mailboxes_, see_, drop_, prune_;
};

} // namespace relay::store
