// The queue as tables: plain, synchronous, free of Asio; on the thread that owns the connection. Holds the tables together
// in one transaction at a time, with what is kept of them in memory; steps (*_steps.cpp) work on them inside of it.
#pragma once

#include "agent/store/steps.hpp"
#include "agent/store/tables/audit_tables.hpp"
#include "agent/store/tables/commands_table.hpp"
#include "agent/store/tables/outbox_table.hpp"
#include "agent/store/tables/store_counters.hpp"
#include "agent/store/tables/tracked_event_tables.hpp"
#include "agent/store/tables/watch_tables.hpp"

#include <functional>

namespace relay::store {

// Where the oldest goes for what is new. Nothing: no such limit.
struct byte_budgets {
    std::optional<std::int64_t> history = {}, audit = {};
};

class queue_tables {
public:
    // `db` has the schema already. `new_store_id` makes UUIDs.
    queue_tables(sql::connection& db, std::int64_t max_commands, std::function<utc_time()> utc_now,
                 std::function<std::string()> new_store_id, byte_budgets budgets = {});

    // Reads where the store stands; makes its identity where there is none. Once, before anything else.
    // errc::store_corrupt where the tables contradict each other.
    result<void> load();

    // ---- the frame of a commit; what fails inside is undone with the numbers that are kept in memory ----
    result<void> begin_commit();
    result<void> begin_job(); // a SAVEPOINT
    result<void> keep_job();
    result<void> undo_job();
    result<void>
    commit(); // durable where it succeeds; where it fails everything since begin_commit() is undone
    void roll_back() noexcept;
    // After a commit that failed: a commit may have reached the log whole and only its sync have failed, and after a crash
    // it would be found there although it was reported as failed. Writes an empty one in its place.
    void bury_failed_commit();

    // ---- for steps ----
    counts& now() noexcept { return counters_.now(); }
    commands_table& commands() noexcept { return commands_; }
    outbox_table& outbox() noexcept { return outbox_; }
    watch_tables& watches() noexcept { return watches_; }
    tracked_event_tables& tracked_events() noexcept { return tracked_events_; }
    audit_tables& audit() noexcept { return audit_; }

    // Forgets the oldest acknowledged commands while these take more than their budget, at most `most`; how many.
    result<std::size_t> trim_history(std::size_t most);
    // Gives pages that are free back to the disk, at most `most`, while more are free than will soon be used; how many.
    result<std::size_t> give_back(std::size_t most) { return db_.give_back(most); }

    std::int64_t max_commands() const noexcept { return max_commands_; }
    utc_time utc_now() const { return utc_now_(); }
    std::string new_store_id() const { return new_store_id_(); }

private:
    result<void> load_counts();
    result<void> check_outbox();

    sql::connection& db_;
    const std::int64_t max_commands_;
    const byte_budgets budgets_;
    const std::function<utc_time()> utc_now_;
    const std::function<std::string()> new_store_id_;

    store_counters counters_;
    commands_table commands_;
    outbox_table outbox_;
    watch_tables watches_;
    tracked_event_tables tracked_events_;
    audit_tables audit_;

    sql::statement begin_commit_, begin_job_, keep_job_, undo_job_, commit_, roll_back_;
};

} // namespace relay::store
