#include "agent/store/sqlite/database.hpp"

#include "agent/store/sql/statement.hpp"
#include "agent/store/sqlite/prepared_statement.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace relay::store::sqlite {
namespace {

constexpr int busy_wait_ms =
    5'000; // another program (a backup, the sqlite3 shell) may hold the file for a moment
constexpr int ops_between_looks =
    10'000; // of SQLite's virtual machine, between looks at the time in quick_check()
constexpr std::int64_t unlimited_pages = 4'294'967'294; // SQLite's own maximum

// The errc that stands for a result code, and for the system's error behind it where that says more.
errc meaning(int extended, int system_error)
{
    switch (extended & 0xff) {
    case SQLITE_FULL:
        return errc::store_full;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return errc::store_read_only;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: // our SQL is fixed: a table it names is missing
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT: // our SQL never breaks one on a sound file
    case SQLITE_MISMATCH:
    case SQLITE_FORMAT:
        return errc::store_corrupt;
    default:
        break;
    }
    switch (system_error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return errc::store_full;
    case EACCES:
    case EPERM:
    case EROFS:
        return errc::store_read_only;
    default:
        return errc::store_io;
    }
}

struct clock_limit {
    std::chrono::steady_clock::time_point end;
    bool passed = false;
};

// A file name as SQLite's URIs have it (https://www.sqlite.org/uri.html).
std::string uri_of(const std::string& file)
{
    std::string uri = "file:";
    for (const char c : file)
        uri += c == '%' ? "%25" : c == '?' ? "%3f" : c == '#' ? "%23" : std::string(1, c);
    return uri;
}

int look_at_clock(void* limit)
{
    auto& l = *static_cast<clock_limit*>(limit);
    l.passed = std::chrono::steady_clock::now() >= l.end;
    return l.passed ? 1 : 0;
}

} // namespace

result<std::unique_ptr<database>> database::open(const std::string& file, std::string* problem)
{
    std::unique_ptr<database> db(new database);
    // NOMUTEX: one thread at a time, so SQLite need not lock. NOFOLLOW: a link in the data folder is not
    // ours.
    constexpr int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    if (const int rc = sqlite3_open_v2(file.c_str(), &db->handle_, flags, nullptr); rc != SQLITE_OK) {
        if (!db->handle_)
            throw std::bad_alloc();
        const auto ec = db->failed(rc);
        if (problem)
            *problem = db->last_problem_;
        return ec;
    }
    if (const auto done = db->configure(file == ":memory:"); done.has_error()) {
        if (problem)
            *problem = db->last_problem_;
        return done.error();
    }
    return db;
}

result<std::unique_ptr<database>> database::open_to_read(const std::string& file, std::string* problem)
{
    std::unique_ptr<database> db(new database);
    // With a log there is (or was) somebody who writes, and reading has to go by the index they share. Without one nobody
    // does, and SQLite would make a log and an index that stay; immutable=1 makes neither.
    std::error_code ec;
    const bool in_use = std::filesystem::exists(file + "-wal", ec);
    const auto uri = uri_of(file) + (in_use ? "?mode=ro" : "?immutable=1");
    constexpr int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    const int rc = sqlite3_open_v2(uri.c_str(), &db->handle_, flags, nullptr);
    if (!db->handle_)
        throw std::bad_alloc();
    auto ec_of_open = rc == SQLITE_OK ? error_code() : db->failed(rc);
    if (!ec_of_open) {
        sqlite3_extended_result_codes(db->handle_, 1);
        sqlite3_busy_timeout(db->handle_, busy_wait_ms);
        sqlite3_db_config(db->handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
        const auto set =
            db->execute("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                        "PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA query_only = ON");
        ec_of_open = set.has_error() ? set.error() : error_code();
    }
    if (!ec_of_open)
        return db;
    if (problem)
        *problem = db->last_problem_;
    return ec_of_open;
}

database::~database()
{
    if (damaged_)
        sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    // Statements finalised later than this (none, by construction) would keep the connection as a zombie, not
    // crash.
    sqlite3_close_v2(handle_);
}

result<void> database::configure(bool in_memory)
{
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, busy_wait_ms);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);

    // Settings that do not look at the file come first: what follows them reads it, and it may be damaged.
    // cache_size in KiB: an idle agent stays small. temp_store: nothing goes to a folder outside data_dir.
    if (auto done = execute("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
                            "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON");
        done.has_error())
        return done;
    if (auto done = execute("PRAGMA cache_size = -1024; PRAGMA synchronous = FULL"); done.has_error())
        return done;
    if (in_memory)
        return execute("PRAGMA journal_mode = MEMORY");

    // Pages of a new file can be given back (give_back()). Of one that is there already this would be a write at each start.
    const auto present = number("PRAGMA page_count");
    if (present.has_error())
        return present.error();
    if (*present == 0)
        if (auto done = execute("PRAGMA auto_vacuum = INCREMENTAL"); done.has_error())
            return done;

    // The log keeps its size between checkpoints: writing over it is cheaper than growing it, and works on a
    // full disk.
    if (auto done = execute("PRAGMA journal_size_limit = 33554432"); done.has_error())
        return done;
    {
        sql::statement mode(*this, "PRAGMA journal_mode = WAL");
        auto found = mode.query({});
        auto row = found.next();
        const bool changed = row.has_value() && *row && found.text(0) == "wal";
        if (changed)
            row = found.next(); // the answer comes before the change is stored, and that may fail
        if (row.has_error())
            return row.error();
        if (!changed) {
            last_problem_ = "the file system does not support a write-ahead log";
            return errc::store_io;
        }
    }
    sqlite3_wal_autocheckpoint(handle_, 0);
    sqlite3_wal_hook(
        handle_,
        [](void* self, sqlite3* h, const char* name, int pages) { return count_pages(self, h, name, pages); },
        this);
    return {};
}

int database::count_pages(void* self, sqlite3*, const char*, int pages)
{
    static_cast<database*>(self)->wal_pages_ = pages;
    return SQLITE_OK;
}

result<std::int64_t> database::check_version(std::size_t known)
{
    const auto version = number("PRAGMA user_version");
    if (version.has_error())
        return version;
    if (*version > static_cast<std::int64_t>(known)) {
        last_problem_ =
            fmt::format("its version is {}, this program knows versions up to {}", *version, known);
        return {boost::system::in_place_error, errc::store_newer};
    }
    if (*version < 0)
        return {boost::system::in_place_error, found_damaged("its version is negative")};
    return version;
}

result<void> database::migrate(std::span<const migration> steps)
{
    const auto version = check_version(steps.size());
    if (version.has_error())
        return version.error();
    for (auto next = static_cast<std::size_t>(*version); next < steps.size(); ++next) {
        const auto sql =
            fmt::format("BEGIN IMMEDIATE; {}; PRAGMA user_version = {}; COMMIT", steps[next], next + 1);
        if (auto done = execute(sql.c_str()); done.has_error()) {
            if (in_transaction())
                sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr,
                             nullptr); // closing does the same if this fails
            return done;
        }
    }
    return {};
}

result<void> database::execute(const char* sql)
{
    if (const int rc = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr); rc != SQLITE_OK)
        return failed(rc);
    return {};
}

result<std::int64_t> database::number(const char* sql)
{
    sql::statement question(*this, sql);
    auto found = question.query({});
    const auto row = found.next();
    if (row.has_error())
        return row.error();
    return *row ? found.number(0) : 0;
}

result<void> database::quick_check(std::chrono::milliseconds limit)
{
    clock_limit until{std::chrono::steady_clock::now() + limit};
    sqlite3_progress_handler(handle_, ops_between_looks, look_at_clock, &until);
    const result<bool> sound = [&]() -> result<bool> {
        sql::statement check(*this, "PRAGMA quick_check(1)");
        auto found = check.query({});
        const auto row = found.next();
        if (row.has_error())
            return {boost::system::in_place_error, row.error()};
        if (*row && found.text(0) == "ok")
            return true;
        found_damaged(*row ? found.text(0) : "quick_check gave no answer");
        return false;
    }();
    sqlite3_progress_handler(handle_, 0, nullptr, nullptr);
    if (until.passed)
        return {};
    if (sound.has_error())
        return sound.error();
    if (!*sound)
        return errc::store_corrupt;
    return {};
}

std::unique_ptr<sql::prepared> database::prepare(std::string_view sql)
{
    return std::make_unique<prepared_statement>(*this, sql);
}

bool database::in_transaction() const noexcept
{
    return sqlite3_get_autocommit(handle_) == 0;
}

std::int64_t database::changes() const noexcept
{
    return sqlite3_changes64(handle_);
}

std::int64_t database::total_changes() const noexcept
{
    return sqlite3_total_changes64(handle_);
}

result<void> database::checkpoint()
{
    wal_pages_ = 0; // the next commit says how many there are
    if (const int rc =
            sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
        rc != SQLITE_OK && rc != SQLITE_BUSY)
        return failed(rc);
    return {};
}

result<std::size_t> database::give_back(std::size_t most)
{
    constexpr std::int64_t soon_used = 1'024; // pages; and an eighth of the file
    const auto free = number("PRAGMA freelist_count"), all = number("PRAGMA page_count");
    if (free.has_error() || all.has_error())
        return free.has_error() ? free.error() : all.error();
    const auto spare = *free - std::max(soon_used, *all / 8);
    if (spare <= 0)
        return std::size_t{0};
    const auto some = std::min(spare, static_cast<std::int64_t>(most));
    if (const auto done = execute(fmt::format("PRAGMA incremental_vacuum({})", some).c_str());
        done.has_error())
        return done.error();
    const auto left = number("PRAGMA freelist_count");
    if (left.has_error())
        return left.error();
    return static_cast<std::size_t>(std::max<std::int64_t>(0, *free - *left));
}

result<void> database::allow_shrinking(std::int64_t most_bytes)
{
    const auto mode = number("PRAGMA auto_vacuum"), pages = number("PRAGMA page_count"),
               page_bytes = number("PRAGMA page_size");
    for (const auto* asked : {&mode, &pages, &page_bytes})
        if (asked->has_error())
            return asked->error();
    if (*mode != 0 || *pages * *page_bytes > most_bytes)
        return {};
    return execute("PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
}

result<void> database::limit_pages(std::int64_t most)
{
    return execute(fmt::format("PRAGMA max_page_count = {}", most > 0 ? most : unlimited_pages).c_str());
}

error_code database::found_damaged(std::string why)
{
    last_problem_ = std::move(why);
    damaged_ = true;
    return errc::store_corrupt;
}

error_code database::failed(int code)
{
    if ((code & 0xff) == SQLITE_NOMEM)
        throw std::bad_alloc();
    if ((code & 0xff) == SQLITE_MISUSE || (code & 0xff) == SQLITE_RANGE)
        throw std::logic_error(fmt::format("misuse of SQLite: {}", sqlite3_errmsg(handle_)));

    const int extended = sqlite3_extended_errcode(handle_);
    const bool about_this = (extended & 0xff) == (code & 0xff);
    const bool io = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    const int system_error = io ? sqlite3_system_errno(handle_) : 0;
    last_problem_ = fmt::format("SQLite {}: {}", about_this ? extended : code,
                                about_this ? sqlite3_errmsg(handle_) : sqlite3_errstr(code));
    if (system_error != 0)
        last_problem_ += fmt::format(" ({})", std::generic_category().message(system_error));
    const auto what = meaning(about_this ? extended : code, system_error);
    damaged_ = damaged_ || what == errc::store_corrupt;
    return what;
}

} // namespace relay::store::sqlite
