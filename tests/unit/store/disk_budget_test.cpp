// What the queue takes of the disk: budgets of history, audit and messages, the reserve for what is owed, and a file that
// becomes smaller again.
#include "agent/store/offline/audit_reader.hpp"
#include "agent/store/sqlite/schema.hpp"
#include "tests/unit/store/store_fixture.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <sqlite3.h>

#include <limits>

using namespace relay;
using namespace relay::store;
using relay::test::a_write;
namespace fs = std::filesystem;

namespace {

struct disk_fixture : test::loop_fixture {
    test::temporary_folder folder;
    sqlite_queue_store::settings settings{.folder = folder.path(),
                                          .mode = sqlite_queue_store::threading::inline_,
                                          .utc_now = [this] { return time.utc_now(); }};
    std::unique_ptr<sqlite_queue_store> queue;

    void open_it()
    {
        queue.reset();
        auto opened = sqlite_queue_store::open(settings, log);
        REQUIRE(opened.has_value());
        queue = std::move(*opened);
    }
    // Its whole life; with `result`: of so many bytes.
    void write(const std::string& id, std::string op = "event.create", std::size_t result = 20)
    {
        auto c = a_write(*this, id);
        c.command.op = std::move(op);
        c.event_id = "event-of-" + id;
        REQUIRE(await(queue->admit(std::move(c))).has_value());
        const auto seq = await(queue->finish(id, "{" + std::string(result, ' ') + "}", {time.utc_now()}));
        REQUIRE(seq.has_value());
        REQUIRE(await(queue->acknowledge(*seq)).has_value());
    }
    bool knows(const std::string& id)
    {
        const auto found = await(queue->look_up(id, "print of s"));
        REQUIRE(found.has_value());
        return found->has_value();
    }
    void record(int many)
    {
        std::vector<audit_entry> some;
        for (int i = 0; i < many; ++i) {
            audit_entry e;
            e.at = time.utc_now();
            e.id = fmt::format("read-{}", i);
            e.op = "availability.get";
            e.outcome = "ok";
            some.push_back(std::move(e));
        }
        REQUIRE(await(queue->record(std::move(some))).has_value());
    }
    std::uintmax_t file_bytes() { return fs::file_size(folder.path() / "queue.db"); }
    audit_verdict verdict()
    {
        auto reader = audit_reader::open(folder.path());
        REQUIRE(reader.has_value());
        return reader->verify().value();
    }
};

constexpr std::int64_t nothing_is_free = std::numeric_limits<std::int64_t>::max();

} // namespace

TEST_CASE_METHOD(disk_fixture, "a flood of what can be repeated is forgotten before any booking",
                 "[unit][store][disk]")
{
    settings.history_bytes = 400'000;
    settings.audit_bytes = 100'000;
    open_it();
    for (int i = 0; i < 200; ++i)
        write(fmt::format("booking-{}", i));
    for (int i = 0; i < 5'000; ++i)
        write(fmt::format("flood-{}", i), i % 2 == 0 ? "availability.unwatch" : "availability.watch");
    for (int i = 0; i < 200; ++i)
        CHECK(knows(fmt::format("booking-{}", i)));
    CHECK_FALSE(knows("flood-0"));
    CHECK(knows("flood-4999"));
    queue.reset();
    CHECK(file_bytes() < 1'000'000);
}

TEST_CASE_METHOD(disk_fixture, "a history over its budget forgets the oldest, also after a restart",
                 "[unit][store][disk]")
{
    settings.history_bytes = 300'000;
    open_it();
    for (int i = 0; i < 1'000; ++i)
        write(fmt::format("b-{}", i), "event.create", 500);
    CHECK_FALSE(knows("b-0"));
    CHECK(knows("b-999"));
    CHECK(knows("b-800"));
    settings.history_bytes = 60'000; // less than there is: reached step by step
    open_it();
    for (int i = 1'000; i < 1'200; ++i)
        write(fmt::format("b-{}", i), "event.create", 500);
    CHECK_FALSE(knows("b-1100"));
    CHECK(knows("b-1199"));
    // What is owed is no history.
    REQUIRE(await(queue->admit(a_write(*this, "owed"))).has_value());
    for (int i = 1'200; i < 1'400; ++i)
        write(fmt::format("b-{}", i), "event.create", 500);
    CHECK(knows("owed"));
}

TEST_CASE_METHOD(disk_fixture, "an audit over its budget forgets the oldest entries and still verifies",
                 "[unit][store][disk][audit]")
{
    settings.audit_bytes = 100'000;
    open_it();
    for (int i = 0; i < 100; ++i)
        record(200);
    auto v = verdict();
    CHECK(v.sound());
    CHECK(v.last == 20'000);
    CHECK(v.entries < 1'000);
    CHECK(v.entries > 400);
    CHECK(await(queue->audit())->is_full);
    settings.audit_bytes = 20'000;
    open_it();
    for (int i = 0; i < 10; ++i)
        record(100);
    v = verdict();
    CHECK(v.sound());
    CHECK(v.entries < 200);
    queue.reset();
    CHECK(file_bytes() < 600'000);
}

TEST_CASE_METHOD(disk_fixture,
                 "while the disk has little left nothing new is taken, and what is owed finds room",
                 "[unit][store][disk]")
{
    open_it();
    REQUIRE(await(queue->admit(a_write(*this, "owed"))).has_value());
    settings.reserve_bytes = nothing_is_free;
    open_it();
    CHECK(await(queue->admit(a_write(*this, "new"))).error() == errc::store_full);
    CHECK(await(queue->append("{}", {}, {})).error() == errc::store_full);
    CHECK(await(queue->record({audit_entry{}})).error() == errc::store_full);
    CHECK(await(queue->publish({}, false)).error() == errc::store_full);
    REQUIRE(await(queue->begin("owed", time.utc_now())).has_value());
    const auto seq = await(queue->finish("owed", "{}", {time.utc_now()}));
    REQUIRE(seq.has_value());
    CHECK(await(queue->read_to_send(0, 10, 1'000))->size() == 1);
    CHECK(await(queue->acknowledge(*seq)).has_value());
    CHECK(knows("owed"));
    CHECK_FALSE(knows("new"));
    const auto text = logged.str();
    const auto told = text.find("MiB are free in");
    CHECK(told != text.npos);
    CHECK(text.find("MiB are free in", told + 1) == text.npos);
    CHECK(text.find("what is asked of it fails") == text.npos);
    settings.reserve_bytes = 0;
    open_it();
    CHECK(await(queue->admit(a_write(*this, "new"))).has_value());
}

TEST_CASE_METHOD(disk_fixture, "events that the cloud does not acknowledge are bounded by their bytes",
                 "[unit][store][disk]")
{
    settings.message_bytes = 1'000'000;
    open_it();
    const std::string body(100'000, 'e');
    std::vector<sequence> stored;
    for (;;) {
        const auto seq = await(queue->append(body, {}, {}));
        if (seq.has_error()) {
            CHECK(seq.error() == errc::store_full);
            break;
        }
        stored.push_back(*seq);
        REQUIRE(stored.size() <= 10);
    }
    CHECK(stored.size() == 10);
    open_it(); // the sum is known again
    CHECK(await(queue->append(body, {}, {})).error() == errc::store_full);
    REQUIRE(await(queue->acknowledge(stored[1])).has_value());
    CHECK(await(queue->append(body, {}, {})).has_value());
}

TEST_CASE_METHOD(disk_fixture, "what was forgotten is given back to the disk", "[unit][store][disk]")
{
    open_it();
    for (int i = 0; i < 2'000; ++i)
        write(fmt::format("b-{}", i), "event.create", 20'000);
    queue.reset();
    const auto before = file_bytes();
    CHECK(before > 40'000'000);
    open_it();
    time.advance(1h);
    REQUIRE(await(queue->prune(time.utc_now(), time.utc_now(), 5'000)).value() == 2'000);
    while (await(queue->shrink(512)).value() != 0) {
    }
    queue.reset();
    CHECK(file_bytes() < 10'000'000);
    open_it();
    write("later");
    CHECK(knows("later"));
}

TEST_CASE_METHOD(disk_fixture, "a file of an earlier version is counted, and can become smaller from then on",
                 "[unit][store][disk]")
{
    {
        sqlite3* db = nullptr;
        REQUIRE(sqlite3_open((folder.path() / "queue.db").c_str(), &db) == SQLITE_OK);
        const auto run = [db](const std::string& sql) {
            REQUIRE(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
        };
        run("PRAGMA journal_mode = WAL");
        constexpr std::size_t before = 6;
        for (std::size_t i = 0; i < before; ++i)
            run(queue_schema()[i]);
        run("PRAGMA user_version = 6");
        run("INSERT INTO store(one, id, next_seq, acked) VALUES (1, 'a-store', 1001, 1000)");
        run("WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 1000)"
            " INSERT INTO commands(id, fingerprint, op, mailbox, event_id, received_at, ttl_ms, redelivered, "
            "finished_at, seq, acknowledged, result) SELECT 'old-' || n, x'66', 'event.create', 'm', 'e', 5, "
            "1000, 0, n, n, 1, '{}' FROM i");
        sqlite3_close(db);
    }
    settings.history_bytes = 200'000;
    open_it();
    for (int i = 0; i < 400; ++i)
        write(fmt::format("new-{}", i));
    CHECK_FALSE(knows("old-1"));
    CHECK(knows("new-399"));
    queue.reset();
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open((folder.path() / "queue.db").c_str(), &db) == SQLITE_OK);
    sqlite3_stmt* s = nullptr;
    REQUIRE(sqlite3_prepare_v2(db, "PRAGMA auto_vacuum", -1, &s, nullptr) == SQLITE_OK);
    CHECK(sqlite3_step(s) == SQLITE_ROW);
    CHECK(sqlite3_column_int(s, 0) == 2);
    sqlite3_finalize(s);
    sqlite3_close(db);
}
