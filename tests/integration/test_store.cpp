// The queue file in the hands of the real agent: full disks, damage, old copies, other versions.
#include "agent/store/sqlite/schema.hpp"
#include "tests/integration/scenario.hpp"
#include "tests/integration/small_disk.hpp"

#include <sqlite3.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <thread>

using namespace relay::test;

namespace {

world_options without_agent(configuration config = {})
{
    return {.config = std::move(config),
            .exchange_arguments = {},
            .cloud_arguments = {},
            .environment = {},
            .start_agent = false};
}

bool log_says(const scenario& w, std::string_view what)
{
    return w.agent_log().find(what) != std::string::npos;
}

void run_sql(const fs::path& file, const char* sql)
{
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
    sqlite3_busy_timeout(db, 5'000);
    CHECK(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
}

// The queue as a backup would take it: the file and its log.
void copy_queue(const fs::path& from, const fs::path& to)
{
    fs::create_directories(to);
    for (const auto* name : {"queue.db", "queue.db-wal", "queue.db-shm"})
        fs::remove(to / name);
    for (const auto* name : {"queue.db", "queue.db-wal"})
        if (fs::exists(from / name))
            fs::copy_file(from / name, to / name);
}

std::int64_t number_in(const fs::path& file, const char* sql)
{
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK);
    sqlite3_busy_timeout(db, 5'000);
    sqlite3_stmt* question = nullptr;
    REQUIRE(sqlite3_prepare_v2(db, sql, -1, &question, nullptr) == SQLITE_OK);
    const auto found = sqlite3_step(question) == SQLITE_ROW ? sqlite3_column_int64(question, 0) : -1;
    sqlite3_finalize(question);
    sqlite3_close(db);
    return found;
}

std::int64_t acknowledged(scenario& w, std::size_t store = 0)
{
    return at(w.cloud().get("/ledger"), "/stores/" + std::to_string(store) + "/ack")
        .to_number<std::int64_t>();
}

json::object watch_of_a_user()
{
    return {{"watch_id", "w-1"}, {"mailboxes", {"user1@corp.example"}}, {"interval_s", 3600}};
}

std::vector<std::string> set_aside(const scenario& w)
{
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(w.data_folder()))
        if (const auto name = entry.path().filename().string();
            name.starts_with("queue.db.damaged-") && name.ends_with("Z"))
            names.push_back(name);
    return names;
}

std::size_t stores_seen(scenario& w)
{
    return at(w.cloud().get("/ledger"), "/stores").as_array().size();
}

} // namespace

TEST_CASE("a full disk refuses new writes, keeps results trying, and mends by itself", "[integration][store]")
{
    scenario w(without_agent());
    const small_disk disk(w.data_folder(), "size=4m,mode=0700");
    if (!disk.mounted()) {
        WARN("skipped: a small disk can be mounted by root only");
        return;
    }
    w.start_agent();
    w.wait_connected();
    w.faults({fault("CreateItem", "before", "delay", {{"ms", 1'500}})});
    const auto running = w.send("event.create", host, booking("b-1"));
    REQUIRE(eventually([&] { return w.requests("CreateItem") == 1; }));
    disk.fill();
    CHECK(outcome(w.call("event.create", host, booking("b-2"))) == "overloaded");
    // Nothing is carried out of which the audit could not tell.
    CHECK(eventually([&] { return outcome(w.call("mailbox.verify", host, {})) == "overloaded"; }));
    REQUIRE(eventually([&] { return w.ledger().creates == 1; }));
    std::this_thread::sleep_for(1s);
    CHECK(w.record(running).at("results").to_number<int>() == 0); // nothing goes out that is not stored
    disk.empty();
    CHECK(outcome(w.result(running, 60s)) == "ok");
    CHECK(outcome(w.call("event.create", host, booking("b-3"))) == "ok");
    CHECK(eventually([&] { return outcome(w.call("mailbox.verify", host, {})) == "ok"; }));
    CHECK(w.ledger() == tally{.creates = 2, .invitations = 4});
    CHECK(log_says(w, "takes writes again"));
    CHECK(w.stop_agent() == 0);
}

TEST_CASE("a damaged queue is set aside at the start, and what comes again is not done again",
          "[integration][store]")
{
    scenario w;
    const auto id = w.send("event.create", host, booking("b-1"));
    REQUIRE(outcome(w.result(id)) == "ok");
    REQUIRE(w.stop_agent() == 0);
    {
        std::fstream damage(w.data_folder() / "queue.db", std::ios::in | std::ios::out | std::ios::binary);
        damage << std::string(60, 'x');
    }
    w.start_agent();
    w.wait_connected();
    CHECK(set_aside(w).size() == 1);
    CHECK(log_says(w, "is set aside as queue.db.damaged-"));
    CHECK(stores_seen(w) == 2);
    w.cloud().post("/commands/" + id + "/redeliver");
    REQUIRE(eventually([&] { return w.record(id).at("results").to_number<int>() == 2; }));
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
    CHECK(outcome(w.call("event.create", host, booking("b-2"))) == "ok");
}

TEST_CASE(
    "damage found while running ends the agent; started again it begins anew and nothing is booked twice",
    "[integration][store]")
{
    scenario w;
    w.faults({fault("CreateItem", "before", "delay", {{"ms", 1'000}})});
    const auto id = w.send("event.create", host, booking("b-1"));
    REQUIRE(eventually([&] { return w.requests("CreateItem") == 1; }));
    run_sql(w.data_folder() / "queue.db", "DROP TABLE commands");
    CHECK(w.agent().wait(30s * slowness()) == 1);
    CHECK(w.ledger().creates == 1); // it was not cut off
    CHECK(log_says(w, "was found damaged while it was in use"));
    CHECK(set_aside(w).size() == 1);
    w.start_agent();
    w.wait_connected();
    w.cloud().post("/commands/" + id + "/redeliver");
    const auto r = w.result(id, 60s);
    INFO(described(r));
    CHECK(outcome(r) == "ok");
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("an old copy of the queue that comes back to life gets a new identity and repeats nothing",
          "[integration][store]")
{
    scenario w;
    w.cloud().put("/behaviour", {{"withhold_acks", true}});
    const auto owed = w.send("event.create", host, booking("b-owed"));
    REQUIRE(outcome(w.result(owed)) == "ok");
    // Accepted, tried in vain, and so not begun in the copy; another waits behind it.
    w.faults({fault("FindItem", "before", "status", {{"status", 503}}, 0)});
    const auto create = w.send("event.create", host, booking("b-1"));
    const auto update = w.send("event.update", host, {{"event_id", "b-1"}, {"set", {{"subject", "Later"}}}});
    REQUIRE((w.accepted(create) && w.accepted(update)));
    REQUIRE(eventually([&] { return w.requests("FindItem") >= 2; }));
    std::this_thread::sleep_for(200ms);
    copy_queue(w.data_folder(), w.folder() / "backup");

    w.exchange().remove("/faults");
    w.cloud().put("/behaviour", {{"withhold_acks", false}});
    REQUIRE(outcome(w.result(create, 60s)) == "ok");
    REQUIRE(outcome(w.result(update, 60s)) == "ok");
    REQUIRE(outcome(w.call("event.create", host, booking("b-2"))) == "ok");
    const auto before = w.ledger();
    w.kill_agent();
    copy_queue(w.folder() / "backup", w.data_folder());

    w.start_agent();
    w.wait_connected(30s);
    REQUIRE(eventually([&] { return stores_seen(w) == 2; }));
    for (const auto& id : {owed, create, update})
        REQUIRE(eventually([&] { return w.record(id).at("results").to_number<int>() >= 2; }, 60s));
    CHECK(log_says(w, "the data folder is an old copy"));
    CHECK(outcome(w.call("event.create", host, booking("b-3"))) == "ok");
    const auto results = w.cloud().get("/results");
    for (const auto& r : results.as_array())
        CHECK(outcome(r.as_object()) == "ok");
    CHECK(w.ledger() == tally{.creates = before.creates + 1,
                              .updates = before.updates,
                              .invitations = before.invitations + 2,
                              .update_notices = before.update_notices});
    CHECK(json::serialize(at(w.cloud().get("/ledger"), "/stores/0/gaps")) == "[]");
    CHECK(json::serialize(at(w.cloud().get("/ledger"), "/stores/1/gaps")) == "[]");
}

TEST_CASE("an old copy of the queue that worked before it met the cloud loses no result",
          "[integration][store]")
{
    scenario w;
    REQUIRE(outcome(w.call("event.create", host, booking("b-0"))) == "ok");
    w.faults({fault("FindItem", "before", "status", {{"status", 503}}, 0)});
    const auto first = w.send("event.create", host, booking("b-1"));
    const auto second = w.send("event.create", host, booking("b-2"));
    REQUIRE((w.accepted(first) && w.accepted(second)));
    REQUIRE(eventually([&] { return w.requests("FindItem") >= 2; }));
    std::this_thread::sleep_for(200ms);
    copy_queue(w.data_folder(), w.folder() / "backup");

    // The life before goes on: a result more, which the copy knows nothing of.
    REQUIRE(outcome(w.call("availability.watch", "", watch_of_a_user())) == "ok");
    REQUIRE(eventually([&] { return acknowledged(w) == 2; }));
    w.kill_agent();
    copy_queue(w.folder() / "backup", w.data_folder());
    w.exchange().remove("/faults");
    w.cloud().put("/behaviour", {{"refuse_upgrade", 503}});
    w.start_agent();
    REQUIRE(eventually(
        [&] { return number_in(w.data_folder() / "queue.db", "SELECT count(*) FROM outbox") == 2; }, 60s));
    SECTION("in the same process") {}
    SECTION("after another restart")
    {
        w.kill_agent();
        w.start_agent();
    }
    w.cloud().put("/behaviour", {{"refuse_upgrade", 0}});
    w.wait_connected(60s);
    for (const auto& id : {first, second})
        CHECK(outcome(w.result(id, 60s)) == "ok");
    CHECK(log_says(w, "the data folder is an old copy"));
    CHECK(stores_seen(w) == 2);
    CHECK(w.ledger() == tally{.creates = 3, .invitations = 6});
}

TEST_CASE("a cloud that was set back gets again what is still known, and is told what is lost",
          "[integration][store]")
{
    scenario w;
    std::vector<std::string> creates;
    for (const auto* event : {"b-1", "b-2", "b-3"}) {
        creates.push_back(w.send("event.create", host, booking(event)));
        REQUIRE(outcome(w.result(creates.back())) == "ok");
    }
    REQUIRE(outcome(w.call("availability.watch", "", watch_of_a_user())) == "ok");
    REQUIRE(eventually([&] { return w.cloud().get("/events").as_array().size() == 1; }));
    // What the agent dropped, and not only what it was told.
    REQUIRE(
        eventually([&] { return number_in(w.data_folder() / "queue.db", "SELECT acked FROM store") == 5; }));
    w.cloud().post("/set-back", {{"ack", 1}});
    REQUIRE(eventually([&] { return stores_seen(w) == 2; }, 30s));
    for (const auto& id : creates)
        CHECK(outcome(w.result(id, 30s)) == "ok");
    CHECK(eventually([&] { return w.cloud().get("/events").as_array().size() == 1; }, 30s)); // told anew
    CHECK(log_says(w, "the cloud was set back: it holds message 1 of this store, and had acknowledged 5"));
    CHECK(log_says(w, "3 results of writes are sent again"));
    CHECK(log_says(w, "messages 5 cannot be sent again"));
    CHECK(w.ledger() == tally{.creates = 3, .invitations = 6});
    CHECK(json::serialize(at(w.cloud().get("/ledger"), "/stores/1/gaps")) == "[]");
    CHECK(outcome(w.call("event.create", host, booking("b-4"))) == "ok");
}

#ifdef RELAY_SHIFTED_CLOCK
TEST_CASE("a start with a clock that is days ahead costs no memory of what was done", "[integration][store]")
{
    scenario w;
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    const auto earlier =
        w.send("event.update", host, {{"event_id", "b-1"}, {"set", {{"subject", "Earlier"}}}});
    REQUIRE(outcome(w.result(earlier)) == "ok");
    REQUIRE(outcome(w.call("event.update", host, {{"event_id", "b-1"}, {"set", {{"subject", "Later"}}}})) ==
            "ok");
    REQUIRE(eventually([&] { return acknowledged(w) == 3; }));
    REQUIRE(w.stop_agent() == 0);
    {
        const std::array<std::int64_t, 2> shifts{std::chrono::nanoseconds(std::chrono::days(8)).count(), 0};
        std::ofstream(w.folder() / "clock", std::ios::binary)
            .write(reinterpret_cast<const char*>(shifts.data()), sizeof shifts);
    }
    auto environment = preloaded(RELAY_SHIFTED_CLOCK);
    environment["RELAY_CLOCK_SHIFT"] = (w.folder() / "clock").string();
    w.start_agent(environment);
    w.wait_connected();
    w.cloud().post("/commands/" + earlier + "/redeliver");
    REQUIRE(eventually([&] { return w.record(earlier).at("results").to_number<int>() == 2; }, 30s));
    CHECK(w.ledger().updates == 2);
}
#endif

TEST_CASE("the agent refuses a queue that it cannot use, and says what to do", "[integration][store]")
{
    scenario w(without_agent());
    const auto queue = w.data_folder() / "queue.db";
    const auto refused = [&](std::string_view why) {
        w.start_agent();
        CHECK(w.agent().wait() == 1);
        INFO(w.agent_log_tail());
        CHECK(log_says(w, why));
        fs::remove(w.folder() / "agent.log");
    };
    SECTION("of a newer version")
    {
        w.start_agent();
        w.wait_connected();
        REQUIRE(w.stop_agent() == 0);
        run_sql(queue, "PRAGMA user_version = 99");
        refused("was written by a newer version of the agent; install that version");
        const auto ours = "PRAGMA user_version = " + std::to_string(relay::store::queue_schema().size());
        run_sql(queue, ours.c_str());
        w.start_agent();
        w.wait_connected();
    }
    SECTION("that is a folder")
    {
        fs::create_directory(queue);
        refused("cannot be used: Is a directory");
    }
    SECTION("of which too many were damaged")
    {
        for (int i = 0; i < 5; ++i)
            std::ofstream(w.data_folder() / ("queue.db.damaged-2026112" + std::to_string(i) + "T101500Z"))
                << "x";
        std::ofstream(queue) << std::string(4096, 'x');
        refused("is damaged and cannot be set aside");
        CHECK(fs::file_size(queue) == 4096);
    }
    SECTION("on a disk that may only be read")
    {
        const small_disk disk(w.data_folder(), "size=4m,mode=0700");
        if (!disk.mounted() ||
            ::mount(nullptr, w.data_folder().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
            WARN("skipped: a disk can be mounted by root only");
            return;
        }
        refused("the data folder cannot be written");
    }
}
