#include "tests/stand_ins/cloud/database.hpp"

#include <sqlite3.h>

#include <stdexcept>
#include <string_view>

namespace relay::cloud_sim {
namespace {

// WAL with FULL: a commit is on the disk when it returns, and an acknowledgement may go out.
constexpr const char* schema = R"sql(
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS command(n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, posted TEXT NOT NULL,
    state TEXT NOT NULL, sent INTEGER NOT NULL, accepted INTEGER NOT NULL, results INTEGER NOT NULL,
    cancel_sent INTEGER NOT NULL, result TEXT NOT NULL, queued_at INTEGER NOT NULL, finished_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS frame(n INTEGER PRIMARY KEY, kind INTEGER NOT NULL, store TEXT NOT NULL,
    seq INTEGER NOT NULL, session TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS store(id TEXT PRIMARY KEY, first INTEGER NOT NULL, ack INTEGER NOT NULL,
    repeats INTEGER NOT NULL, gaps TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS violation(n INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS start(n INTEGER PRIMARY KEY) STRICT;
)sql";

constexpr std::string_view put_command =
    "INSERT INTO command(id, posted, state, sent, accepted, results, cancel_sent, result, queued_at, "
    "finished_at) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(id) DO UPDATE SET state = ?3, sent = ?4, "
    "accepted = ?5, results = ?6, cancel_sent = ?7, result = ?8, finished_at = ?10";
constexpr std::string_view put_frame =
    "INSERT INTO frame(kind, store, seq, session, at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
constexpr std::string_view put_store =
    "INSERT INTO store(id, first, ack, repeats, gaps) VALUES (?1, ?2, ?3, ?4, ?5) "
    "ON CONFLICT(id) DO UPDATE SET ack = ?3, repeats = ?4, gaps = ?5";
constexpr std::string_view forget_frames = "DELETE FROM frame WHERE store = ?1 AND seq > ?2";
constexpr std::string_view put_violation = "INSERT INTO violation(body) VALUES (?1)";

[[noreturn]] void fail(sqlite3* db)
{
    throw std::runtime_error(std::string("cloud-sim store: ") + (db ? sqlite3_errmsg(db) : "out of memory"));
}

class statement {
public:
    statement(sqlite3* db, std::string_view sql) : db_(db)
    {
        if (sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                               &handle_, nullptr) != SQLITE_OK)
            fail(db);
    }
    ~statement() { sqlite3_finalize(handle_); }
    statement(const statement&) = delete;
    statement& operator=(const statement&) = delete;

    // Binds in order and runs to the end. The texts must live until then.
    template <class... Values>
    void run(const Values&... values)
    {
        int at = 0;
        (bind(++at, values), ...);
        const int rc = sqlite3_step(handle_);
        sqlite3_reset(handle_);
        if (rc != SQLITE_DONE)
            fail(db_);
    }

    bool next()
    {
        const int rc = sqlite3_step(handle_);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            fail(db_);
        return rc == SQLITE_ROW;
    }
    std::string text(int column) const
    {
        const auto* begin = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
        return begin ? std::string(begin, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column)))
                     : "";
    }
    std::int64_t number(int column) const { return sqlite3_column_int64(handle_, column); }

private:
    void bind(int at, const std::string& value)
    {
        if (sqlite3_bind_text(handle_, at, value.data(), static_cast<int>(value.size()), SQLITE_STATIC) !=
            SQLITE_OK)
            fail(db_);
    }
    void bind(int at, std::int64_t value)
    {
        if (sqlite3_bind_int64(handle_, at, value) != SQLITE_OK)
            fail(db_);
    }

    sqlite3* db_;
    sqlite3_stmt* handle_ = nullptr;
};

struct closer {
    void operator()(sqlite3* db) const { sqlite3_close(db); }
};

void execute(sqlite3* db, const char* sql)
{
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
        fail(db);
}

std::unique_ptr<sqlite3, closer> open(const std::string& path)
{
    sqlite3* raw = nullptr;
    const int rc = sqlite3_open_v2(path.c_str(), &raw,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    std::unique_ptr<sqlite3, closer> db(raw);
    if (rc != SQLITE_OK)
        fail(raw);
    sqlite3_busy_timeout(raw, 5000);
    execute(raw, schema);
    execute(raw, "INSERT INTO start DEFAULT VALUES");
    return db;
}

} // namespace

struct database::impl {
    explicit impl(const std::string& path) : db(open(path)) {}

    void put(const command_row& r)
    {
        command.run(r.id, r.posted, r.state, r.sent, r.accepted, r.results, std::int64_t{r.cancel_sent},
                    r.result, r.queued_at, r.finished_at);
    }
    void put(const frame_row& r)
    {
        frame.run(static_cast<std::int64_t>(r.kind), r.store, r.seq, r.session, r.at, r.body);
    }
    void put(const store_row& r) { store.run(r.id, r.first, r.ack, r.repeats, r.gaps); }
    void put(const forget_row& r) { forget.run(r.store, r.ack); }
    void put(const violation_row& r) { violation.run(r.body); }

    std::unique_ptr<sqlite3, closer> db;
    statement begin{db.get(), "BEGIN IMMEDIATE"}, commit{db.get(), "COMMIT"};
    statement command{db.get(), put_command}, frame{db.get(), put_frame}, store{db.get(), put_store},
        forget{db.get(), forget_frames}, violation{db.get(), put_violation};
};

database::database(const std::string& path) : impl_(std::make_unique<impl>(path)) {}
database::~database() = default;
database::database(database&&) noexcept = default;

contents database::load()
{
    contents all;
    sqlite3* db = impl_->db.get();
    statement commands(db,
                       "SELECT id, posted, state, sent, accepted, results, cancel_sent, result, queued_at, "
                       "finished_at FROM command ORDER BY n");
    while (commands.next())
        all.commands.push_back({commands.text(0), commands.text(1), commands.text(2), commands.number(3),
                                commands.number(4), commands.number(5), commands.number(6) != 0,
                                commands.text(7), commands.number(8), commands.number(9)});
    statement frames(db, "SELECT kind, store, seq, session, at, body FROM frame ORDER BY n");
    while (frames.next())
        all.frames.push_back({static_cast<frame_kind>(frames.number(0)), frames.text(1), frames.number(2),
                              frames.text(3), frames.number(4), frames.text(5)});
    statement stores(db, "SELECT id, first, ack, repeats, gaps FROM store ORDER BY rowid");
    while (stores.next())
        all.stores.push_back(
            {stores.text(0), stores.number(1), stores.number(2), stores.number(3), stores.text(4)});
    statement violations(db, "SELECT body FROM violation ORDER BY n");
    while (violations.next())
        all.violations.push_back({violations.text(0)});
    statement starts(db, "SELECT count(*) FROM start");
    if (starts.next())
        all.starts = starts.number(0);
    return all;
}

void database::write(const std::vector<row>& rows)
{
    impl_->begin.run();
    for (const auto& r : rows)
        std::visit([this](const auto& one) { impl_->put(one); }, r);
    impl_->commit.run();
}

} // namespace relay::cloud_sim
