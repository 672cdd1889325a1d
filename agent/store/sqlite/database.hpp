// One SQLite connection with the settings everything durable here relies on. Used by one thread at a time.
#pragma once

#include "agent/store/sql/connection.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct sqlite3;

namespace relay::store::sqlite {

// One step of the schema: SQL that brings the file from the version before to the next. A shipped one is
// never edited.
using migration = const char*;

class database final : public sql::connection {
public:
    // Opens `file` (":memory:" for a test), made where it does not exist: WAL, synchronous=FULL, foreign
    // keys, small caches, no memory mapping; a busy file is waited for up to 5 s. Checkpoints are the
    // caller's: checkpoint(). Errors: errc::store_read_only, store_full, store_corrupt, store_io; `problem` then
    // receives what last_problem() would say.
    static result<std::unique_ptr<database>> open(const std::string& file, std::string* problem = nullptr);
    // Opens `file`, which is there, only to read it, beside whoever uses it: takes no lock that keeps them from writing, and
    // leaves no file behind. Errors: as open().
    static result<std::unique_ptr<database>> open_to_read(const std::string& file,
                                                          std::string* problem = nullptr);
    // Closes the file; one that was found damaged stays as it is, its log beside it.
    ~database() override;
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    // Applies what is missing of `steps`, one transaction each; user_version counts them. errc::store_newer
    // where the file has more than we know.
    result<void> migrate(std::span<const migration> steps);
    // The same question alone: errc::store_newer where the file has more than `known` steps, store_corrupt where it cannot
    // be right.
    result<std::int64_t> check_version(std::size_t known);

    // Runs fixed SQL, one or more statements, and drops any rows.
    result<void> execute(const char* sql);
    // The first column of the first row, 0 where there is none.
    result<std::int64_t> number(const char* sql);

    // Looks the file over (PRAGMA quick_check) for at most `limit`; success where the time ran out.
    // errc::store_corrupt where it is damaged.
    result<void> quick_check(std::chrono::milliseconds limit);

    // ---- as the tables see it ----
    std::unique_ptr<sql::prepared> prepare(std::string_view sql) override;
    std::string_view begin_to_write() const noexcept override { return "BEGIN IMMEDIATE"; }
    bool in_transaction() const noexcept override;
    std::int64_t changes() const noexcept override;
    result<std::size_t> give_back(std::size_t most) override;
    error_code found_damaged(std::string why) override;

    // Rows changed since the file was opened, by any statement.
    std::int64_t total_changes() const noexcept;
    // Pages in the write-ahead log after the last commit.
    int wal_pages() const noexcept { return wal_pages_; }
    // Copies the log into the file as far as no reader holds it back; the next commit then starts the log
    // anew.
    result<void> checkpoint();
    // Brings a file of an earlier version, which could only grow, to one that give_back() makes smaller: writes it whole, once.
    // A file that has more than `most_bytes` stays as it is: its free pages are used again, but not given back.
    result<void> allow_shrinking(std::int64_t most_bytes);
    // 0 or lower: no limit. For tests of a full disk.
    result<void> limit_pages(std::int64_t most);

    // True once a call has failed with errc::store_corrupt.
    bool damaged() const noexcept { return damaged_; }

    // What SQLite (and the system) said at the last failure, for the log: no content of rows.
    const std::string& last_problem() const noexcept { return last_problem_; }

    // For prepared_statement: the connection, and the errc that stands for an SQLite result code (remembers
    // last_problem()).
    sqlite3* handle() noexcept { return handle_; }
    error_code failed(int code);

private:
    database() = default;
    result<void> configure(bool in_memory);
    static int count_pages(void* self, sqlite3* handle, const char* name, int pages);

    sqlite3* handle_ = nullptr;
    int wal_pages_ = 0;
    bool damaged_ = false;
    std::string last_problem_;
};

} // namespace relay::store::sqlite
