// The audit as tables: chains, numbers and forgets entries. Part of queue_tables, inside whose transactions it works: so an
// entry and the result it tells of are there together or not at all.
#pragma once

#include "agent/store/audit_entry.hpp"
#include "agent/store/sql/statement.hpp"

namespace relay::store {

class audit_tables {
public:
    // `db` has the schema already.
    explicit audit_tables(sql::connection& db);

    // Reads where the chain stands. Once, before anything else.
    result<void> load();

    result<void> append(const audit_entry& e);
    // Forgets the oldest entries: those before `before` that no younger one stands in front of, and those beyond
    // `most_kept`; at most `most` of them. Returns how many.
    result<std::size_t> forget(utc_time before, std::int64_t most_kept, std::size_t most);

    const audit_head& head() const noexcept { return now_; }
    // When the oldest entry was made; nothing where there is none.
    result<std::optional<utc_time>> oldest();
    // Whether the last entry is the one that the head tells of.
    result<bool> head_fits();

    // ---- the frame of a commit, see queue_tables ----
    void begin_job() noexcept { before_job_ = now_; }
    void undo_job() noexcept { now_ = before_job_; }
    void roll_back() noexcept { now_ = committed_; }
    void committed() noexcept { committed_ = now_; }
    // Puts the head on the disk where it moved: once a commit, however many entries that holds.
    result<void> save();

private:
    sql::connection& db_;
    audit_head now_;       // as the jobs of this commit left it
    audit_head committed_; // as it is on disk
    audit_head before_job_;

    sql::statement load_, save_, highest_, last_, insert_, old_, delete_, oldest_;
};

} // namespace relay::store
