// Reads the audit of a queue file, beside a running agent or without one, and says whether anybody has changed it.
#pragma once

#include "agent/store/audit_entry.hpp"
#include "agent/store/sql/statement.hpp"
#include "agent/store/sqlite/database.hpp"

#include <filesystem>
#include <functional>
#include <memory>

namespace relay::store {

// An entry as it lies in the file.
struct stored_entry {
    std::int64_t n = 0;
    std::int64_t at = 0; // may be any number where somebody was at it
    audit_entry entry;
    std::string hash; // 32 bytes
};

// What the check of a log came to. Each finding is a sentence that names the entries it is about.
struct audit_verdict {
    static constexpr std::size_t most_findings = 100; // beyond it they are counted only

    std::int64_t first = 0, last = 0, entries = 0; // that were checked
    audit_head head;
    std::vector<std::string> findings;
    std::int64_t more_findings = 0;

    bool sound() const noexcept { return findings.empty(); }
};

// Opens the file for reading only, writes nothing to it, and holds no writer up: it reads in short transactions. Blocking;
// used by one thread.
class audit_reader {
public:
    // `data_dir` holds the queue. errc::not_found where there is no queue or one without an audit yet, store_newer,
    // store_corrupt, store_read_only (no right to read it), store_io. `problem` then receives what SQLite said.
    static result<audit_reader> open(const std::filesystem::path& data_dir, std::string* problem = nullptr);

    // Every entry that was made at `since` or later, in the order in which they were made, with its line: its text and its
    // hash as JSON.
    result<void> each(utc_time since, const std::function<void(const std::string& line)>& tell);

    // Checks every entry that is kept; with `since`: those from the first one on that was made then or later.
    result<audit_verdict> verify(std::optional<utc_time> since = {});

    const std::string& last_problem() const noexcept { return db_->last_problem(); }

private:
    explicit audit_reader(std::unique_ptr<sqlite::database> db);

    struct page {
        audit_head head;
        bool has_head = false;
        std::vector<stored_entry> entries;
    };
    // The entries after `after`, and the head that belongs to them.
    result<page> read(std::int64_t after);
    result<std::int64_t> first_since(utc_time since);
    struct link { // of the chain
        std::int64_t n = 0;
        audit_hash hash{};
    };
    result<std::optional<link>> before(std::int64_t n);

    std::unique_ptr<sqlite::database> db_; // goes last: the statements use it
    std::unique_ptr<sql::statement> begin_, end_, head_, page_, first_since_, before_;
};

} // namespace relay::store
