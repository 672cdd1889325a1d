// The audit in the queue file: chained entries, what becomes of them, and every way to be at them that must be found.
#include "agent/store/offline/audit_reader.hpp"
#include "agent/store/sqlite/schema.hpp"
#include "common/text/text.hpp"
#include "tests/unit/store/store_fixture.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <random>

using namespace relay;
using namespace relay::store;
using relay::test::a_write;
namespace fs = std::filesystem;

namespace {

audit_entry read_entry(int i, utc_time at)
{
    audit_entry e;
    e.at = at;
    e.id = "read-" + std::to_string(i);
    e.session = "s-1";
    e.op = "availability.get";
    e.outcome = i % 3 == 0 ? "exchange_busy" : "ok";
    e.attempts = 1;
    e.took = milliseconds(20 + i);
    e.mailboxes = 2;
    e.addresses = {"a@corp.example", "b@corp.example"};
    return e;
}

// The file in the hands of somebody who is at it.
class intruder {
public:
    explicit intruder(const fs::path& folder)
    {
        REQUIRE(sqlite3_open((folder / "queue.db").c_str(), &db_) == SQLITE_OK);
    }
    ~intruder() { sqlite3_close(db_); }
    intruder(const intruder&) = delete;
    intruder& operator=(const intruder&) = delete;

    bool run(const std::string& sql)
    {
        return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
    }
    std::int64_t number(const std::string& sql)
    {
        sqlite3_stmt* s = nullptr;
        REQUIRE(sqlite3_prepare_v2(db_, sql.c_str(), -1, &s, nullptr) == SQLITE_OK);
        sqlite3_step(s);
        const auto n = sqlite3_column_int64(s, 0);
        sqlite3_finalize(s);
        return n;
    }
    // Turns one bit of one value over; false where that cannot be (a number that another row has).
    bool flip(const std::string& table, const std::string& column, std::int64_t n, std::mt19937& random)
    {
        const auto where = table == "audit" ? fmt::format(" WHERE n = {}", n) : std::string();
        sqlite3_stmt* s = nullptr;
        const auto ask = fmt::format("SELECT {} FROM {}{}", column, table, where);
        REQUIRE(sqlite3_prepare_v2(db_, ask.c_str(), -1, &s, nullptr) == SQLITE_OK);
        REQUIRE(sqlite3_step(s) == SQLITE_ROW);
        const int type = sqlite3_column_type(s, 0);
        const auto number = sqlite3_column_int64(s, 0);
        const auto* bytes = static_cast<const char*>(sqlite3_column_blob(s, 0));
        std::string text(bytes ? bytes : "", static_cast<std::size_t>(sqlite3_column_bytes(s, 0)));
        sqlite3_finalize(s);

        const auto change = fmt::format("UPDATE {} SET {} = ?1{}", table, column, where);
        REQUIRE(sqlite3_prepare_v2(db_, change.c_str(), -1, &s, nullptr) == SQLITE_OK);
        if (type == SQLITE_INTEGER) {
            sqlite3_bind_int64(s, 1, number ^ (std::int64_t{1} << (random() % 62)));
        } else if (type == SQLITE_NULL) {
            if (column == "addresses")
                sqlite3_bind_text(s, 1, "", 0, SQLITE_STATIC);
            else
                sqlite3_bind_int64(s, 1, 0);
        } else {
            if (text.empty())
                text = "x";
            else {
                auto& one = text[random() % text.size()];
                one = static_cast<char>(static_cast<unsigned char>(one) ^ (1U << (random() % 8)));
            }
            const auto size = static_cast<int>(text.size());
            if (type == SQLITE_BLOB)
                sqlite3_bind_blob(s, 1, text.data(), size, SQLITE_STATIC);
            else
                sqlite3_bind_text(s, 1, text.data(), size, SQLITE_STATIC);
        }
        const bool done = sqlite3_step(s) == SQLITE_DONE;
        sqlite3_finalize(s);
        return done;
    }

private:
    sqlite3* db_ = nullptr;
};

constexpr const char* contents = "at, id, session, op, mailbox, event_id, outcome, attempts, took_ms, "
                                 "commands, mailboxes, addresses, hash";

struct audit_fixture : test::loop_fixture {
    test::temporary_folder folder;
    std::unique_ptr<sqlite_queue_store> queue = open(folder.path());

    void record(int first, int many)
    {
        std::vector<audit_entry> batch;
        for (int i = first; i < first + many; ++i)
            batch.push_back(read_entry(i, time.utc_now() + milliseconds(i)));
        REQUIRE(await(queue->record(batch)).has_value());
    }
    audit_verdict verify(std::optional<utc_time> since = {}) const { return verify_in(folder.path(), since); }
    static audit_verdict verify_in(const fs::path& where, std::optional<utc_time> since = {})
    {
        auto reader = audit_reader::open(where);
        REQUIRE(reader.has_value());
        auto verdict = reader->verify(since);
        REQUIRE(verdict.has_value());
        return *verdict;
    }
    std::vector<std::string> lines(utc_time since = {}) const
    {
        std::vector<std::string> all;
        auto reader = audit_reader::open(folder.path());
        REQUIRE(reader.has_value());
        REQUIRE(reader->each(since, [&](const std::string& line) { all.push_back(line); }).has_value());
        return all;
    }
    // All findings, as one text.
    static std::string published(const audit_verdict& v)
    {
        std::string all;
        for (const auto& f : v.findings)
            all += f + "\n";
        return all;
    }
};

} // namespace

TEST_CASE_METHOD(audit_fixture, "a write is in the audit with its result, once", "[unit][store][audit]")
{
    auto c = a_write(*this, "c-1");
    c.session = "s-7";
    REQUIRE(await(queue->admit(c)).has_value());
    CHECK(lines().empty());
    const write_end end{utc_time(1'795'000'000'500ms), "conflict", 2, 41ms};
    REQUIRE(await(queue->finish("c-1", "{}", end)).has_value());
    REQUIRE(await(queue->finish("c-1", "{}", end)).has_value()); // a repeat
    REQUIRE(await(queue->finish("c-2", "{}", end)).has_error()); // nobody knows it
    REQUIRE(lines().size() == 1);
    const auto text =
        std::string(R"({"n":1,"at":"2026-11-18T11:06:40.500Z","id":"c-1","session":"s-7",)") +
        R"("op":"event.create","mailbox":"host@corp.example","event_id":"e-1","outcome":"conflict",)" +
        R"("attempts":2,"took_ms":41})";
    const auto before = std::string(64, '0');
    CHECK(lines().front() ==
          text.substr(0, text.size() - 1) + R"(,"hash":")" + to_hex(sha256(before + "\n" + text)) + "\"}");
}

TEST_CASE_METHOD(audit_fixture, "entries come out in order as JSON, also of odd bytes, and from a time on",
                 "[unit][store][audit]")
{
    auto odd = read_entry(0, time.utc_now());
    odd.op = "a \"b\" \\ \n \x01 \xff";
    odd.mailbox = std::string("x\0y", 3);
    REQUIRE(await(queue->record({odd})).has_value());
    record(1, 2'500); // more than a page
    CHECK(verify().sound());
    CHECK(verify().entries == 2'501);
    const auto all = lines();
    REQUIRE(all.size() == 2'501);
    for (std::size_t i = 1; i < all.size(); ++i) {
        const auto entry = boost::json::parse(all[i]).as_object();
        CHECK(entry.at("n").to_number<std::size_t>() == i + 1);
        CHECK(entry.at("addresses").as_array().size() == 2);
    }
    CHECK(lines(time.utc_now() + 2'000ms).size() == 501);
    CHECK(lines(time.utc_now() + 1h).empty());
}

TEST_CASE_METHOD(audit_fixture, "whatever is done to an entry or to the head is found",
                 "[unit][store][audit]")
{
    constexpr int many = 24;
    for (int i = 0; i < many / 2; ++i) {
        REQUIRE(await(queue->admit(a_write(*this, "c-" + std::to_string(i)))).has_value());
        REQUIRE(await(queue->finish("c-" + std::to_string(i), "{}", {time.utc_now()})).has_value());
        record(i, 1);
    }
    const bool forgotten = GENERATE(false, true);
    if (forgotten)
        REQUIRE(await(queue->forget_audit(time.utc_now() + 1h, 1'000, 5)).value() == 5);
    const std::int64_t first = forgotten ? 6 : 1;
    queue.reset();
    REQUIRE(verify().sound());

    const test::temporary_folder copy;
    const auto seed = Catch::rngSeed();
    std::mt19937 random(seed);
    const std::array<std::string, 14> columns{"n",        "at",        "id",        "session",  "op",
                                              "mailbox",  "event_id",  "outcome",   "attempts", "took_ms",
                                              "commands", "mailboxes", "addresses", "hash"};
    const std::array<std::string, 4> head{"last", "last_hash", "forgotten", "forgotten_hash"};
    const auto any = [&] { return std::uniform_int_distribution<std::int64_t>(first, many)(random); };
    for (int i = 0; i < 400; ++i) {
        fs::copy_file(folder.path() / "queue.db", copy.path() / "queue.db",
                      fs::copy_options::overwrite_existing);
        const auto n = any();
        std::string what;
        {
            intruder hand(copy.path());
            bool done = true;
            switch (i % 10) {
            case 0:
            case 1:
            case 2:
            case 3: {
                const auto& column = columns.at(random() % columns.size());
                what = fmt::format("flip {} of {}", column, n);
                done = hand.flip("audit", column, n, random);
                break;
            }
            case 4:
                what = fmt::format("delete {}", n);
                done = hand.run(fmt::format("DELETE FROM audit WHERE n = {}", n));
                break;
            case 5: {
                const auto other = n == many ? first : n + 1;
                what = fmt::format("swap {} and {}", n, other);
                done = hand.run(fmt::format(
                    "UPDATE audit SET n = -1 WHERE n = {0}; UPDATE audit SET n = {0} WHERE n = {1};"
                    " UPDATE audit SET n = {1} WHERE n = -1",
                    n, other));
                break;
            }
            case 6:
                what = fmt::format("cut off from {}", n);
                done = hand.run(fmt::format("DELETE FROM audit WHERE n >= {}", n));
                break;
            case 7:
                what = fmt::format("cut off up to {}", n);
                done = hand.run(fmt::format("DELETE FROM audit WHERE n <= {}", n));
                break;
            case 8:
                what = fmt::format("repeat {} at the end", n);
                done =
                    hand.run(fmt::format("INSERT INTO audit(n, {0}) SELECT {1}, {0} FROM audit WHERE n = {2}",
                                         contents, many + 1, n));
                break;
            default: {
                const auto& column = head.at(random() % head.size());
                what = fmt::format("flip {} of the head", column);
                done = hand.flip("audit_head", column, 0, random);
                break;
            }
            }
            if (!done)
                continue;
        }
        INFO("seed " << seed << ": " << what);
        const auto verdict = verify_in(copy.path());
        CHECK_FALSE(verdict.sound());
    }
}

TEST_CASE_METHOD(audit_fixture, "a finding names the entries", "[unit][store][audit]")
{
    record(1, 20);
    const auto found = [&](const std::string& sql) {
        queue.reset();
        {
            intruder hand(folder.path());
            REQUIRE(hand.run(sql));
        }
        return published(verify());
    };
    SECTION("changed")
    {
        CHECK(found("UPDATE audit SET outcome = 'ok' WHERE n = 6") ==
              "entry 6 was changed, moved or put in, or the hash before it was changed\n");
    }
    SECTION("missing")
    {
        CHECK(found("DELETE FROM audit WHERE n IN (4, 5, 9)") ==
              "entries 4 to 5 are missing\nentry 9 is missing\n");
    }
    SECTION("cut off")
    {
        CHECK(found("DELETE FROM audit WHERE n > 18") == "entries 19 to 20 are missing at the end\n");
    }
    SECTION("without beginning")
    {
        CHECK(found("DELETE FROM audit WHERE n < 3") == "entries 1 to 2 are missing\n");
    }
    SECTION("all gone")
    {
        CHECK(found("DELETE FROM audit") == "entries 1 to 20 are missing at the end\n");
    }
    SECTION("without head")
    {
        CHECK(found("DELETE FROM audit_head") == "the record of where the log begins and ends is missing\n");
    }
    SECTION("only what is asked for")
    {
        CHECK(found("UPDATE audit SET outcome = 'ok' WHERE n = 6") != "");
        CHECK(verify(time.utc_now() + 7ms).sound());
        CHECK(verify(time.utc_now() + 7ms).first == 7);
        CHECK_FALSE(verify(time.utc_now() + 6ms).sound());
        CHECK(verify(time.utc_now() + 1h).entries == 0);
    }
}

TEST_CASE_METHOD(audit_fixture, "an end that was cut off stays found when the agent goes on",
                 "[unit][store][audit]")
{
    record(1, 20);
    queue.reset();
    SECTION("cut off")
    {
        CHECK(intruder(folder.path()).run("DELETE FROM audit WHERE n > 18"));
    }
    SECTION("something put behind it")
    {
        CHECK(intruder(folder.path())
                  .run(fmt::format("INSERT INTO audit(n, {0}) SELECT 25, {0} FROM audit WHERE n = 3",
                                   contents)));
    }
    queue = open(folder.path());
    CHECK_FALSE(await(queue->audit())->head_fits);
    record(21, 5);
    CHECK_FALSE(verify().sound());
    CHECK(await(queue->audit())->head_fits);
    queue.reset();
    CHECK_FALSE(verify().sound());
}

TEST_CASE_METHOD(audit_fixture, "what is forgotten leaves a log that verifies, also after a restart",
                 "[unit][store][audit]")
{
    record(1, 1'000);
    const auto before = time.utc_now() + 501ms; // the first 500
    CHECK(await(queue->forget_audit(before, 10'000, 300)).value() == 300);
    CHECK(verify().sound());
    CHECK(await(queue->forget_audit(before, 10'000, 300)).value() == 200);
    CHECK(await(queue->forget_audit(before, 10'000, 300)).value() == 0);
    queue.reset();
    queue = open(folder.path());
    record(1'001, 10);
    const auto verdict = verify();
    CHECK(published(verdict).empty());
    CHECK(verdict.first == 501);
    CHECK(verdict.last == 1'010);
    const auto s = await(queue->audit());
    CHECK(s->head.forgotten == 500);
    CHECK(s->oldest == time.utc_now() + 501ms);

    CHECK(await(queue->forget_audit(time.utc_now() + 1h, 10'000, 10'000)).value() == 510); // all
    CHECK(verify().sound());
    CHECK(await(queue->audit())->head_fits);
    record(2'000, 1);
    CHECK(verify().sound());
    CHECK(lines().size() == 1);
}

TEST_CASE_METHOD(audit_fixture, "an entry from when the clock was wrong takes along nothing that is younger",
                 "[unit][store][audit]")
{
    record(1, 5);
    REQUIRE(await(queue->record({read_entry(6, utc_time(1s))})).has_value()); // the clock stood at 1970
    record(7, 5);
    CHECK(await(queue->forget_audit(time.utc_now(), 1'000, 100)).value() == 0);
    CHECK(lines().size() == 11);
    CHECK(await(queue->forget_audit(time.utc_now() + 6ms, 1'000, 100)).value() == 6);
    CHECK(verify().sound());
}

TEST_CASE_METHOD(audit_fixture, "a log over its bound forgets the oldest, whatever their age",
                 "[unit][store][audit]")
{
    record(1, 50);
    CHECK(await(queue->forget_audit(utc_time(), 40, 7)).value() == 7);
    CHECK(await(queue->forget_audit(utc_time(), 40, 7)).value() == 3);
    CHECK(await(queue->forget_audit(utc_time(), 40, 7)).value() == 0);
    CHECK(verify().first == 11);
}

TEST_CASE_METHOD(audit_fixture, "a log is read while the agent writes and forgets", "[unit][store][audit]")
{
    record(1, 3'000);
    auto reader = audit_reader::open(folder.path());
    REQUIRE(reader.has_value());
    int told_of = 0;
    REQUIRE(reader
                ->each({},
                       [&](const std::string&) {
                           if (++told_of == 500) {
                               record(3'001, 10);
                               REQUIRE(
                                   await(queue->forget_audit(time.utc_now() + 100ms, 10'000, 500)).value() ==
                                   99);
                           }
                       })
                .has_value());
    CHECK(told_of == 3'010);
    CHECK(reader->verify()->sound());
}

TEST_CASE_METHOD(audit_fixture, "there is no audit where no agent was, or an older one",
                 "[unit][store][audit]")
{
    const test::temporary_folder other;
    CHECK(audit_reader::open(other.path()).error() == errc::not_found);
    queue.reset();
    CHECK(intruder(folder.path()).run("PRAGMA user_version = 99"));
    CHECK(audit_reader::open(folder.path()).error() == errc::store_newer);
}

TEST_CASE("a queue of version 1 gets an audit and keeps what it holds", "[unit][store][audit]")
{
    audit_fixture f;
    f.queue.reset();
    fs::remove(f.folder.path() / "queue.db");
    {
        intruder first(f.folder.path());
        REQUIRE(first.run("PRAGMA journal_mode = WAL"));
        REQUIRE(first.run(queue_schema().front()));
        REQUIRE(first.run(R"sql(
            PRAGMA user_version = 1;
            INSERT INTO store(one, id, next_seq, acked) VALUES (1, 'a-store', 2, 0);
            INSERT INTO commands(n, id, fingerprint, op, mailbox, event_id, received_at, ttl_ms, redelivered, attempts,
                finished_at, seq, result) VALUES (1, 'done', x'66', 'event.create', 'm@x', 'e-1', 5, 1000, 0, 1, 6, 1, '{}');
            INSERT INTO outbox(seq, command, command_id, stored_at) VALUES (1, 1, '', 6);
            INSERT INTO commands(n, id, fingerprint, op, mailbox, event_id, received_at, ttl_ms, redelivered, params)
                VALUES (2, 'waits', x'66', 'event.cancel', 'm@x', 'e-2', 7, 1000, 0, '{"event_id":"e-2"}');
        )sql"));
        CHECK(audit_reader::open(f.folder.path()).error() == errc::not_found); // not yet
    }
    f.queue = f.open(f.folder.path());
    CHECK(f.await(f.queue->who())->id == "a-store");
    CHECK(f.await(f.queue->read(0, 10, 1'000))->size() == 1);
    const auto unfinished = f.await(f.queue->unfinished());
    REQUIRE(unfinished->size() == 1);
    CHECK(unfinished->front().received.session.empty());
    CHECK(f.lines().empty());
    CHECK(f.verify().sound());
    REQUIRE(f.await(f.queue->finish("waits", "{}", {f.time.utc_now()})).has_value());
    CHECK(f.lines().size() == 1);
    CHECK(f.verify().sound());
}
