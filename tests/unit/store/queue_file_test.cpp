// The queue as a file: what a crash, a full disk, a second agent or another version leave of it.
#include "agent/store/sql/statement.hpp"
#include "agent/store/sqlite/schema.hpp"
#include "tests/unit/store/store_fixture.hpp"

#include <catch2/catch.hpp>
#include <sqlite3.h>

#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

using namespace relay;
using namespace relay::store;
using relay::test::a_write;
namespace fs = std::filesystem;

namespace {

struct file_fixture : test::loop_fixture {
    test::temporary_folder folder;

    error_code refused(const fs::path& where)
    {
        auto opened = sqlite_queue_store::open({where, 10, sqlite_queue_store::threading::inline_, {}}, log);
        return opened.has_error() ? opened.error() : error_code();
    }
    void run_sql(const fs::path& file, const char* sql)
    {
        sqlite3* db = nullptr;
        REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
        CHECK(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
        sqlite3_close(db);
    }
};

// Takes root's rights away for a while: permissions mean nothing to it.
class as_nobody {
public:
    as_nobody() : was_(::geteuid())
    {
        if (was_ == 0)
            REQUIRE(::seteuid(65534) == 0);
    }
    ~as_nobody() { [[maybe_unused]] const int done = ::seteuid(was_); }

private:
    uid_t was_;
};

} // namespace

TEST_CASE_METHOD(test::loop_fixture, "what earlier lives of the file can have sent outlives restarts",
                 "[unit][store]")
{
    const test::temporary_folder folder;
    std::unique_ptr<sqlite_queue_store> queue;
    const auto restarted = [&] {
        queue.reset();
        queue = open(folder.path());
        return await(queue->who())->sent;
    };
    const auto owe = [&] { REQUIRE(await(queue->append("{}", "", {})).has_value()); };
    CHECK(restarted() == 0);
    owe();
    owe();
    CHECK(await(queue->who())->sent == 0); // stored, and no link yet
    CHECK(restarted() == 0);
    REQUIRE(await(queue->read_to_send(0, 1, 1)).has_value());
    CHECK(await(queue->who())->sent > 1'000'000); // whatever is stored from now on
    owe();
    CHECK(restarted() == 3);
    owe(); // in a copy of the file as it is now this number is another message
    CHECK(restarted() == 3);
    owe();
    CHECK(restarted() == 3);
    REQUIRE(await(queue->read_to_send(0, 10, 1'000)).has_value());
    CHECK(restarted() == 5);
    REQUIRE(await(queue->renew()).has_value());
    CHECK(await(queue->who())->sent == 0);
    CHECK(restarted() == 0);
}

TEST_CASE_METHOD(file_fixture, "the queue is as it was after it was closed and opened", "[unit][store]")
{
    auto queue = open(folder.path());
    const auto before = await(queue->who());
    REQUIRE(await(queue->admit(a_write(*this, "c-1"))).has_value());
    REQUIRE(await(queue->admit(a_write(*this, "c-2"))).has_value());
    REQUIRE(await(queue->finish("c-1", "body", {time.utc_now()})).has_value());
    queue.reset();
    queue = open(folder.path());
    const auto after = await(queue->who());
    CHECK(after->id == before->id);
    CHECK(after->next_seq == 2);
    CHECK(after->unacked == 1);
    CHECK(await(queue->unfinished())->at(0).received.command.id == "c-2");
    CHECK(await(queue->read(0, 10, 1000))->at(0).body == "body");
    const auto s = await(queue->status());
    CHECK(s->unfinished == 1);
    CHECK(s->bytes > 4096);
}

TEST_CASE_METHOD(file_fixture, "no seq is given twice, also where everything was acknowledged and forgotten",
                 "[unit][store]")
{
    auto queue = open(folder.path());
    REQUIRE(await(queue->admit(a_write(*this, "c-1"))).has_value());
    REQUIRE(await(queue->finish("c-1", "body", {time.utc_now()})).has_value());
    REQUIRE(await(queue->acknowledge(1)).has_value());
    CHECK(await(queue->prune(time.utc_now() + 1s, utc_time::max(), 10)).value() == 1);
    queue.reset();
    queue = open(folder.path());
    CHECK(await(queue->who())->next_seq == 2);
    CHECK(await(queue->append("event", {}, {})).value() == 2);
}

TEST_CASE_METHOD(file_fixture, "a second agent on one folder is refused, a later one is not", "[unit][store]")
{
    auto queue = open(folder.path());
    CHECK(refused(folder.path()) == errc::store_locked);
    CHECK(logged.str().find("another agent runs on this data folder") != std::string::npos);
    queue.reset();
    CHECK_FALSE(refused(folder.path()));
}

TEST_CASE_METHOD(file_fixture, "a file of a newer version is refused and left as it is", "[unit][store]")
{
    open(folder.path()).reset();
    run_sql(folder.path() / "queue.db", "PRAGMA user_version = 99");
    CHECK(refused(folder.path()) == errc::store_newer);
    CHECK(logged.str().find("99") != std::string::npos);
    const auto ours = "PRAGMA user_version = " + std::to_string(queue_schema().size());
    run_sql(folder.path() / "queue.db", ours.c_str());
    CHECK_FALSE(refused(folder.path()));
}

TEST_CASE_METHOD(file_fixture, "a folder that cannot be written is refused", "[unit][store]")
{
    const auto where = folder.path() / "data";
    open(where).reset();
    fs::permissions(folder.path(), fs::perms::all);
    fs::permissions(where, fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read |
                               fs::perms::others_exec);
    const as_nobody nobody;
    CHECK(refused(where) == errc::store_read_only);
    CHECK(refused(where / "below") == errc::store_read_only);
}

TEST_CASE_METHOD(file_fixture, "a folder that cannot be one says so", "[unit][store]")
{
    std::ofstream(folder.path() / "file") << "x";
    CHECK(refused(folder.path() / "file") == boost::system::errc::not_a_directory);
}

TEST_CASE_METHOD(file_fixture, "links in the folder are not followed", "[unit][store]")
{
    const auto elsewhere = folder.path() / "elsewhere";
    fs::create_directory(folder.path() / "data");
    for (const auto* name : {"lock", "queue.db"}) {
        fs::create_symlink(elsewhere, folder.path() / "data" / name);
        CHECK(refused(folder.path() / "data"));
        CHECK_FALSE(fs::exists(elsewhere));
        fs::remove(folder.path() / "data" / name);
    }
}

TEST_CASE_METHOD(file_fixture, "only the owner can read the files", "[unit][store]")
{
    const auto where = folder.path() / "data";
    const auto queue = open(where);
    for (const auto& file : fs::directory_iterator(where)) {
        CAPTURE(file.path());
        CHECK((file.status().permissions() & (fs::perms::group_all | fs::perms::others_all)) ==
              fs::perms::none);
    }
    CHECK((fs::status(where).permissions() & (fs::perms::group_all | fs::perms::others_all)) ==
          fs::perms::none);
}

TEST_CASE("a full disk is an error that changes nothing, and passes", "[unit][store]")
{
    auto db = sqlite::database::open(":memory:").value();
    REQUIRE(db->execute("CREATE TABLE t(x TEXT)").has_value());
    REQUIRE(db->limit_pages(db->number("PRAGMA page_count").value() + 2).has_value());
    sql::statement insert(*db, "INSERT INTO t(x) VALUES (?1)");
    const std::string big(20'000, 'x');
    CHECK(insert.run({std::string_view(big)}).error() == errc::store_full);
    CHECK(db->number("SELECT count(*) FROM t").value() == 0);
    REQUIRE(db->limit_pages(0).has_value());
    CHECK(insert.run({std::string_view(big)}).has_value());
}

TEST_CASE("migrations are applied once, in order, each whole or not at all", "[unit][store]")
{
    auto db = sqlite::database::open(":memory:").value();
    const sqlite::migration first[] = {"CREATE TABLE t(x INTEGER)"};
    REQUIRE(db->migrate(first).has_value());
    REQUIRE(db->migrate(first).has_value());
    const sqlite::migration broken[] = {first[0],
                                        "INSERT INTO t VALUES (1); INSERT INTO no_such_table VALUES (1)"};
    CHECK(db->migrate(broken).error() == errc::store_corrupt);
    CHECK_FALSE(db->in_transaction());
    CHECK(db->number("SELECT count(*) FROM t").value() == 0);
    CHECK(db->number("PRAGMA user_version").value() == 1);
    const sqlite::migration second[] = {first[0], "INSERT INTO t VALUES (1)"};
    REQUIRE(db->migrate(second).has_value());
    REQUIRE(db->migrate(second).has_value());
    CHECK(db->number("SELECT count(*) FROM t").value() == 1);
    CHECK(db->migrate(first).error() == errc::store_newer);
}

TEST_CASE("values come back as they were bound", "[unit][store]")
{
    auto db = sqlite::database::open(":memory:").value();
    sql::statement echo(*db, "SELECT ?1, ?2, ?3, ?4");
    const std::string zero("a\0b", 3);
    auto row = echo.query({std::int64_t{-5}, std::string_view(), nullptr, sql::blob{zero}});
    REQUIRE(row.next().value());
    CHECK(row.number(0) == -5);
    CHECK_FALSE(row.null(1));
    CHECK(row.text(1).empty());
    CHECK(row.null(2));
    CHECK_FALSE(row.number_or_null(2).has_value());
    CHECK(row.text(3) == zero);
}

namespace {

// The queue as it should be, beside the real one.
struct model {
    struct command {
        std::string subject;
        int attempts = 0;
        bool finished = false, acknowledged = false;
        sequence seq = 0;
        std::string body;
    };
    std::map<std::string, command> commands;
    std::map<sequence, std::string> owed; // body by seq
    sequence next_seq = 1;
    std::string id;
    std::set<std::pair<std::string, sequence>> given_out; // with the store's id: never twice
};

struct random_fixture : file_fixture {
    model m;
    std::unique_ptr<sqlite_queue_store> queue;
    std::unique_ptr<test::temporary_folder> home;

    void reopen_after_a_crash()
    {
        auto next = std::make_unique<test::temporary_folder>();
        test::copy_as_after_a_crash(home->path(), next->path());
        queue.reset();
        home = std::move(next);
        queue = open(home->path());
        check_everything();
    }
    void took(sequence seq, const std::string& body)
    {
        REQUIRE(seq == m.next_seq);
        REQUIRE(m.given_out.emplace(m.id, seq).second);
        m.owed[seq] = body;
        ++m.next_seq;
    }
    void check_everything()
    {
        const auto us = await(queue->who());
        REQUIRE(us->id == m.id);
        REQUIRE(us->next_seq == m.next_seq);
        REQUIRE(us->unacked == static_cast<std::int64_t>(m.owed.size()));
        const auto page = await(queue->read(0, 10'000, 1 << 24));
        REQUIRE(page->size() == m.owed.size());
        auto expected = m.owed.begin();
        for (const auto& message : *page) {
            REQUIRE(message.seq == expected->first);
            REQUIRE(message.body == expected->second);
            ++expected;
        }
        const auto open_ones = await(queue->unfinished());
        std::size_t unfinished = 0;
        for (const auto& [id, c] : m.commands)
            unfinished += !c.finished;
        REQUIRE(open_ones->size() == unfinished);
        REQUIRE(await(queue->status())->unfinished == static_cast<std::int64_t>(unfinished));
        for (const auto& u : *open_ones)
            REQUIRE(u.attempts == m.commands.at(u.received.command.id).attempts);
    }
    void admit(const std::string& id, const std::string& subject)
    {
        const auto found = await(queue->admit(a_write(*this, id, subject))).value();
        const auto known = m.commands.find(id);
        if (known == m.commands.end()) {
            REQUIRE(std::holds_alternative<stored_now>(found));
            m.commands[id].subject = subject;
        } else if (known->second.subject != subject) {
            REQUIRE(std::holds_alternative<reused_id>(found));
        } else if (!known->second.finished) {
            REQUIRE(std::holds_alternative<still_running>(found));
        } else {
            const auto& f = std::get<finished_before>(found);
            REQUIRE(f.body == known->second.body);
            REQUIRE(f.seq.has_value() == !known->second.acknowledged);
            if (f.seq)
                REQUIRE(*f.seq == known->second.seq);
        }
    }
    void acknowledge(sequence up_to)
    {
        REQUIRE(await(queue->acknowledge(up_to)).has_value());
        m.owed.erase(m.owed.begin(), m.owed.upper_bound(up_to));
        for (auto& [id, c] : m.commands)
            if (c.finished && !c.acknowledged && c.seq <= up_to)
                c.acknowledged = true;
    }
    void renew()
    {
        const auto us = await(queue->renew()).value();
        REQUIRE(us.id != m.id);
        m.id = us.id;
        std::map<sequence, std::string> renumbered;
        std::map<sequence, sequence> to;
        m.next_seq = 1;
        for (const auto& [seq, body] : m.owed) {
            to[seq] = m.next_seq;
            m.given_out.emplace(m.id, m.next_seq);
            renumbered[m.next_seq++] = body;
        }
        for (auto& [id, c] : m.commands)
            if (c.finished && !c.acknowledged)
                c.seq = to.at(c.seq);
        m.owed = std::move(renumbered);
    }
};

} // namespace

TEST_CASE_METHOD(random_fixture,
                 "whatever happens in whatever order, with crashes between any two commits, nothing is lost",
                 "[unit][store]")
{
    const auto seed = GENERATE(range(1, 13));
    CAPTURE(seed);
    std::mt19937 random(static_cast<unsigned>(seed));
    const auto pick = [&](int n) { return std::uniform_int_distribution<>(0, n - 1)(random); };

    home = std::make_unique<test::temporary_folder>();
    queue = open(home->path(), 1'000'000);
    m.id = await(queue->who())->id;

    for (int step = 0; step < 250; ++step) {
        const auto id = "c-" + std::to_string(pick(30));
        const auto known = m.commands.find(id);
        switch (pick(10)) {
        case 0:
        case 1:
        case 2:
            admit(id, pick(8) == 0 ? "other" : "s");
            break;
        case 3: {
            const auto done = await(queue->begin(id, time.utc_now()));
            const bool fits = known != m.commands.end() && !known->second.finished;
            REQUIRE(done.has_value() == fits);
            if (fits)
                ++known->second.attempts;
            break;
        }
        case 4:
        case 5: {
            const auto body = "{\"result\":" + std::to_string(step) + "}";
            const auto seq = await(queue->finish(id, body, {time.utc_now()}));
            REQUIRE(seq.has_value() == (known != m.commands.end()));
            if (seq.has_value() && !known->second.finished) {
                took(*seq, body);
                known->second.finished = true;
                known->second.seq = *seq;
                known->second.body = body;
            }
            break;
        }
        case 6: {
            const auto body = "event " + std::to_string(step);
            took(await(queue->append(body, {}, {})).value(), body);
            break;
        }
        case 7:
            acknowledge(pick(static_cast<int>(m.next_seq)));
            break;
        case 8:
            if (pick(6) == 0)
                renew();
            else if (const auto gone = await(queue->prune(time.utc_now() + 1s, utc_time::max(), 1)).value();
                     gone == 1)
                std::erase_if(m.commands, [&](const auto& c) {
                    return c.second.acknowledged &&
                           !await(queue->look_up(c.first, "print of " + c.second.subject))->has_value();
                });
            break;
        default:
            reopen_after_a_crash();
        }
        time.advance(1ms);
    }
    reopen_after_a_crash();
}
