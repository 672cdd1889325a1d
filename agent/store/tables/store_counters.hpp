// Who this store is and how far it has come: the row `store`, and beside it in memory what no step should have to count.
#pragma once

#include "agent/store/records.hpp"
#include "agent/store/sql/statement.hpp"

#include <limits>

namespace relay::store {

// A message of any number may have been sent.
inline constexpr sequence any_message = std::numeric_limits<sequence>::max();

struct counts {
    std::string id;
    sequence next_seq = 1;
    sequence acked = 0;
    std::int64_t unfinished = 0;
    std::int64_t owed = 0; // commands unfinished, or finished and not acknowledged
    sequence sent = any_message;
    utc_time last_end{};            // of the command that finished last
    std::int64_t history_bytes = 0; // of acknowledged commands
    std::int64_t message_bytes = 0; // of messages that are no results of commands

    identity to_identity() const;
};

class store_counters {
public:
    // `db` has the schema already.
    explicit store_counters(sql::connection& db);

    // Reads the row, where there is one. What else belongs to the counts the caller fills in, and then calls loaded().
    result<void> load();
    void loaded() noexcept { committed_ = now_; }

    // As the steps of this commit left them.
    counts& now() noexcept { return now_; }
    const counts& now() const noexcept { return now_; }

    // ---- the frame of a commit, see queue_tables ----
    void begin_job() noexcept { before_job_ = now_; }
    void undo_job() noexcept { now_ = before_job_; }
    void roll_back() noexcept { now_ = committed_; }
    // They are on the disk.
    void committed() noexcept;
    // Puts the row on the disk where it moved: once a commit.
    result<void> save_if_moved();
    result<void> save();
    // Changes the row so that the next commit writes something: SQLite does not write what is as it was.
    result<void> bury() { return bury_.run({}); }

private:
    counts now_;
    counts committed_; // as it is on disk
    counts before_job_;
    sequence saved_sent_ =
        any_message; // `sent` on disk: what load() makes of it is saved with the next commit

    sql::statement load_, save_, bury_;
};

} // namespace relay::store
