// A queue whose file is not what it was: set aside and begun anew, or taken as it is where that is sound.
#include "agent/store/sqlite/damaged_files.hpp"
#include "tests/unit/store/store_fixture.hpp"

#include <catch2/catch.hpp>
#include <sqlite3.h>

#include <fstream>
#include <iterator>
#include <set>
#include <vector>

using namespace relay;
using namespace relay::store;
using relay::test::a_write;
namespace fs = std::filesystem;

namespace {

struct damage_fixture : test::loop_fixture {
    test::temporary_folder folder;
    const fs::path file = folder.path() / "queue.db";
    std::string old_id;

    // A queue with 200 commands, 50 of them finished, and 20 results acknowledged; closed in order.
    void fill(const fs::path& where)
    {
        auto queue = open(where);
        for (int i = 0; i < 200; ++i)
            REQUIRE(await(queue->admit(a_write(*this, "c-" + std::to_string(i), std::string(300, 's'))))
                        .has_value());
        for (int i = 0; i < 50; ++i)
            REQUIRE(await(queue->finish("c-" + std::to_string(i), "{}", {time.utc_now()})).has_value());
        REQUIRE(await(queue->acknowledge(20)).has_value());
        old_id = await(queue->who())->id;
    }
    void fill() { fill(folder.path()); }
    void run_sql(const char* sql)
    {
        sqlite3* db = nullptr;
        REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
        CHECK(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
        sqlite3_close(db);
    }
    void overwrite(std::streamoff at, const std::string& bytes)
    {
        std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
        out.seekp(at);
        out << bytes;
    }
    static std::string content(const fs::path& p)
    {
        std::ifstream in(p, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    std::set<std::string> names() const
    {
        std::set<std::string> all;
        for (const auto& entry : fs::directory_iterator(folder.path()))
            if (entry.path().filename().string().find(".damaged-") != std::string::npos)
                all.insert(entry.path().filename().string());
        return all;
    }
    // Those without what belongs to them.
    std::vector<std::string> files() const
    {
        std::vector<std::string> all;
        for (const auto& n : names())
            if (n.ends_with("Z"))
                all.push_back(n);
        return all;
    }
    // The queue works, is empty, and another one than before.
    void check_begun_anew()
    {
        const auto queue = open(folder.path());
        const auto us = await(queue->who());
        CHECK(us->id != old_id);
        CHECK(us->next_seq == 1);
        CHECK(await(queue->unfinished())->empty());
        CHECK(await(queue->status())->damaged_files == static_cast<std::int64_t>(files().size()));
        CHECK(await(queue->append("event", {}, {})).value() == 1);
    }
    void check_as_it_was()
    {
        const auto queue = open(folder.path());
        CHECK(await(queue->who())->id == old_id);
        CHECK(await(queue->who())->unacked == 30);
        CHECK(await(queue->unfinished())->size() == 150);
        CHECK(names().empty());
    }
    error_code refused()
    {
        auto opened = sqlite_queue_store::open({.folder = folder.path(),
                                                .mode = sqlite_queue_store::threading::inline_,
                                                .utc_now = [this] { return time.utc_now(); }},
                                               log);
        return opened.has_error() ? opened.error() : error_code();
    }
};

constexpr std::streamoff page = 4096;

} // namespace

TEST_CASE_METHOD(damage_fixture, "a damaged file is set aside under a dated name, and the queue begins anew",
                 "[unit][store]")
{
    fill();
    for (std::streamoff at = page; at < static_cast<std::streamoff>(fs::file_size(file)); at += page)
        overwrite(at, std::string(64, '\xee'));
    const auto damaged = content(file);
    check_begun_anew();
    const auto now = std::chrono::floor<std::chrono::seconds>(time.utc_now());
    const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(now));
    REQUIRE(files().size() == 1);
    const auto name = files().front();
    CHECK_THAT(name, Catch::StartsWith("queue.db.damaged-" + std::to_string(static_cast<int>(day.year()))));
    CHECK_THAT(name, Catch::EndsWith("Z"));
    CHECK(name.size() == std::string("queue.db.damaged-20261122T101500Z").size());
    CHECK((content(folder.path() / name) == damaged));
    CHECK_THAT(logged.str(),
               Catch::Contains("set aside as " + name) && Catch::Contains("sends those commands again"));
}

TEST_CASE_METHOD(damage_fixture, "whatever is no sound queue is set aside and not deleted", "[unit][store]")
{
    fill();
    SECTION("a text")
    {
        std::ofstream(file) << std::string(8192, 'x');
    }
    SECTION("less than a page")
    {
        std::ofstream(file) << "x";
    }
    SECTION("a file cut short")
    {
        fs::resize_file(file, 5000);
    }
    SECTION("a torn page")
    {
        overwrite(3 * page, std::string(2048, '\0'));
    }
    SECTION("a lost table")
    {
        run_sql("DROP TABLE commands");
    }
    SECTION("a number that would be given out twice")
    {
        run_sql("UPDATE store SET next_seq = next_seq - 1");
    }
    SECTION("a message that is missing")
    {
        run_sql("DELETE FROM outbox WHERE seq = 21");
    }
    SECTION("a lost identity")
    {
        run_sql("DELETE FROM store");
    }
    SECTION("another program's database")
    {
        fs::remove(file);
        run_sql("PRAGMA journal_mode = WAL; CREATE TABLE theirs(x); PRAGMA user_version = 7");
    }
    const auto damaged = content(file);
    check_begun_anew();
    REQUIRE(files().size() == 1);
    CHECK((content(folder.path() / files().front()) == damaged));
}

TEST_CASE_METHOD(damage_fixture, "the log goes with its file", "[unit][store]")
{
    test::temporary_folder running;
    fill(running.path());
    auto queue = open(running.path());
    REQUIRE(await(queue->append("event", {}, {})).has_value());
    test::copy_as_after_a_crash(running.path(), folder.path());
    overwrite(2 * page, std::string(6 * 4096, 'x')); // more than the log has anew
    check_begun_anew();
    CHECK(names().count(files().at(0) + "-wal") == 1);
}

TEST_CASE_METHOD(damage_fixture, "damaged files are bounded: then the disk has to be mended", "[unit][store]")
{
    for (std::int64_t i = 0; i < most_damaged_files; ++i) {
        std::ofstream(file) << "x";
        CHECK_FALSE(refused());
    }
    CHECK(files().size() == most_damaged_files);
    std::ofstream(file) << "x";
    CHECK(refused() == errc::store_corrupt);
    CHECK((content(file) == "x"));
    CHECK(files().size() == most_damaged_files);
    CHECK_THAT(logged.str(), Catch::Contains("mend the disk"));
}

TEST_CASE_METHOD(damage_fixture, "a log that lost its file is set aside", "[unit][store]")
{
    std::ofstream(folder.path() / "queue.db-wal") << std::string(5000, 'w');
    check_begun_anew();
    CHECK(files().size() == 1);
}

TEST_CASE_METHOD(damage_fixture, "an empty file is a new queue", "[unit][store]")
{
    fill();
    fs::resize_file(file, 0);
    check_begun_anew();
    CHECK(names().empty());
}

TEST_CASE_METHOD(damage_fixture, "a folder in its place is refused and left alone", "[unit][store]")
{
    fs::create_directory(file);
    CHECK(refused() == boost::system::errc::is_a_directory);
    CHECK(fs::is_directory(file));
    CHECK(names().empty());
}

TEST_CASE_METHOD(damage_fixture, "a shared index that is lost or another's is made anew", "[unit][store]")
{
    test::temporary_folder running;
    fill(running.path());
    const auto queue = open(running.path());
    REQUIRE(await(queue->admit(a_write(*this, "late"))).has_value());
    test::copy_as_after_a_crash(running.path(), folder.path());
    SECTION("lost") {}
    SECTION("another's")
    {
        std::ofstream(folder.path() / "queue.db-shm") << std::string(32'768, '\x5a');
    }
    const auto copy = open(folder.path());
    CHECK(await(copy->unfinished())->size() == 151);
    CHECK(names().empty());
}

TEST_CASE_METHOD(damage_fixture, "a lost log leaves the queue as an older one", "[unit][store]")
{
    test::temporary_folder running;
    fill(running.path());
    const auto queue = open(running.path());
    REQUIRE(await(queue->admit(a_write(*this, "late"))).has_value());
    test::copy_as_after_a_crash(running.path(), folder.path());
    fs::remove(folder.path() / "queue.db-wal");
    check_as_it_was();
}

TEST_CASE_METHOD(damage_fixture, "a log of another queue does not pass for this one's", "[unit][store]")
{
    fill();
    test::temporary_folder other;
    auto theirs = open(other.path());
    for (int i = 0; i < 40; ++i)
        REQUIRE(await(theirs->append(std::string(500, 'e'), {}, {})).has_value());
    theirs.reset(); // the log is in the file now
    theirs = open(other.path());
    REQUIRE(await(theirs->append("event", {}, {})).has_value());
    fs::copy_file(other.path() / "queue.db-wal", folder.path() / "queue.db-wal");
    check_begun_anew();
    CHECK_FALSE(names().empty());
}

TEST_CASE_METHOD(damage_fixture,
                 "damage found while running ends all work on the file; the next start begins anew",
                 "[unit][store]")
{
    {
        auto queue = open(folder.path());
        for (int i = 0; i < 1'000; ++i) // far more than is kept in memory
            REQUIRE(await(queue->append(std::string(3'000, 'e'), {}, {})).has_value());
        old_id = await(queue->who())->id;
    }
    auto queue = open(folder.path());
    int published = 0;
    queue->on_damage([&] { ++published; });
    for (std::streamoff at = page; at < static_cast<std::streamoff>(fs::file_size(file)); at += page)
        overwrite(at, std::string(64, '\xee'));
    CHECK(await(queue->read(500, 100, 1 << 20)).error() == errc::store_corrupt);
    CHECK(published == 1);
    CHECK(await(queue->append("event", {}, {})).error() == errc::store_corrupt);
    CHECK(await(queue->who()).error() == errc::store_corrupt);
    CHECK(published == 3);
    queue->on_damage({});
    CHECK(await(queue->finish("c-1", "{}", {time.utc_now()})).error() == errc::store_corrupt);
    CHECK(published == 3);
    CHECK_THAT(logged.str(), Catch::Contains("nothing is read or written any more"));
    queue.reset();
    CHECK_FALSE(fs::exists(file));
    CHECK_FALSE(names().empty());
    check_begun_anew();
}
