// The audit as tables: chains, numbers and forgets entries. Part of queue_tables, inside whose transactions it works: so an
// entry and the result it tells of are there together or not at all.
#pragma once

#include "agent/store/audit_entry.hpp"
#include "agent/store/sql/statement.hpp"

#include <functional>

namespace relay::store {

class audit_tables {
public:
    // `db` has the schema already.
    // `most_bytes`: past it the oldest entries go for each that is new. Nothing: no such limit.
    audit_tables(sql::connection& db, std::optional<std::int64_t> most_bytes);

    // Reads where the chain stands. Once, before anything else.
    result<void> load();

    result<void> append(const audit_entry& e);
    // Forgets the oldest entries: those before `before` that no younger one stands in front of, and those beyond
    // `most_kept`; at most `most` of them. Returns how many.
    result<std::size_t> forget(utc_time before, std::int64_t most_kept, std::size_t most);

    const audit_head& head() const noexcept { return now_; }
    std::int64_t bytes() const noexcept { return now_.bytes; }
    // Whether entries go because all of them take too much.
    bool is_full() const noexcept { return most_bytes_ && now_.bytes > *most_bytes_ / 10 * 9; }
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
    struct standing : audit_head {
        std::int64_t bytes = 0; // of the entries that are kept

        friend bool operator==(const standing&, const standing&) = default;
    };
    result<std::size_t>
    forget(const std::function<bool(std::int64_t n, utc_time at, std::int64_t bytes)>& goes,
           std::size_t most);

    sql::connection& db_;
    const std::optional<std::int64_t> most_bytes_;
    standing now_;       // as the jobs of this commit left it
    standing committed_; // as it is on disk
    standing before_job_;

    sql::statement load_, save_, highest_, last_, insert_, old_, delete_, oldest_;
};

} // namespace relay::store
