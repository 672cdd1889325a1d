// The queue as `queue list` and `queue drop` see it, from another connection than the agent's.
#include "agent/protocol/codec.hpp"
#include "agent/store/offline/drop_waiting.hpp"
#include "tests/unit/store/store_fixture.hpp"

#include <catch2/catch.hpp>
#include <sqlite3.h>

#include <fstream>

using namespace relay;
using namespace relay::test;
using store::drop_verdict;
using store::entry_state;

namespace {

struct reader_fixture : loop_fixture {
    temporary_folder folder;
    std::unique_ptr<store::sqlite_queue_store> agent = open(folder.path());

    void admit(const std::string& id, bool redelivered = false)
    {
        auto c = a_write(*this, id, "PlantedSubject");
        c.command.redelivered = redelivered;
        const auto admitted = await(agent->admit(std::move(c)));
        REQUIRE(admitted.has_value());
    }
    void begin(const std::string& id) { REQUIRE(await(agent->begin(id, time.utc_now())).has_value()); }
    void retract(const std::string& id)
    {
        REQUIRE(await(agent->retract(id, "exchange_unavailable")).has_value());
    }
    void finish(const std::string& id, protocol::checked<boost::json::object> output = boost::json::object{})
    {
        const auto outcome = output.has_error() ? protocol::name(output.error().code) : "ok";
        const store::write_end end{time.utc_now(), std::string(outcome), 3, milliseconds(41)};
        auto body = protocol::encode(protocol::result{id, std::move(output), 3, milliseconds(41)});
        const auto finished = await(agent->finish(id, std::move(body), end));
        REQUIRE(finished.has_value());
    }
    std::unique_ptr<store::queue_reader> reader()
    {
        std::string problem;
        auto opened = store::queue_reader::open(folder.path(), &problem);
        INFO(problem);
        REQUIRE(opened.has_value());
        return std::move(*opened);
    }
    store::queue_entry entry(const std::string& id)
    {
        const auto found = reader()->find(id);
        REQUIRE(found.has_value());
        REQUIRE(found->has_value());
        return **found;
    }
    drop_verdict drop(const std::string& id)
    {
        const auto verdict = store::drop_waiting(folder.path(), id, time.utc_now());
        REQUIRE(verdict.has_value());
        return *verdict;
    }
};

} // namespace

TEST_CASE_METHOD(reader_fixture, "a reader beside a running agent sees every write with its state, in order",
                 "[unit][store]")
{
    admit("c-waits");
    admit("c-failed");
    begin("c-failed");
    retract("c-failed");
    admit("c-runs");
    begin("c-runs");
    admit("c-done");
    finish("c-done");
    admit("c-refused");
    finish("c-refused", protocol::fault{protocol::fault_code::mailbox_not_found, "PlantedMessage",
                                        "ErrorNonExistentMailbox"});

    const auto all = reader()->page(0, 100);
    REQUIRE(all.has_value());
    std::vector<std::pair<std::string, entry_state>> seen;
    for (const auto& e : *all)
        seen.emplace_back(e.id, e.state);
    CHECK(seen == std::vector<std::pair<std::string, entry_state>>{{"c-waits", entry_state::waiting},
                                                                   {"c-failed", entry_state::waiting},
                                                                   {"c-runs", entry_state::running},
                                                                   {"c-done", entry_state::finished},
                                                                   {"c-refused", entry_state::finished}});
    REQUIRE(await(agent->acknowledge(1)).has_value());
    CHECK(entry("c-done").state == entry_state::acknowledged);
    CHECK(entry("c-refused").state == entry_state::finished);
}

TEST_CASE_METHOD(reader_fixture, "an entry tells tries, times and the code it failed with", "[unit][store]")
{
    admit("c-1", true);
    begin("c-1");
    retract("c-1");
    auto e = entry("c-1");
    CHECK(e.op == "event.create");
    CHECK(e.mailbox == "host@corp.example");
    CHECK(e.event_id == "e-1");
    CHECK(e.received_at == time.utc_now());
    CHECK(e.ttl == 1h);
    CHECK(e.redelivered);
    CHECK(e.attempts == 1);
    CHECK(e.last_error == "exchange_unavailable");
    CHECK(!e.begun_at);

    finish("c-1", protocol::fault{protocol::fault_code::conflict, "twice", "ErrorIrresolvableConflict"});
    e = entry("c-1");
    CHECK(e.attempts == 3); // as the cloud is told
    CHECK(e.last_error == "conflict");
    CHECK(e.exchange == "ErrorIrresolvableConflict");
    CHECK(e.took == milliseconds(41));
    CHECK(e.finished_at == time.utc_now());
    CHECK(e.seq == 1);
}

TEST_CASE_METHOD(reader_fixture, "pages follow each other without gap or repeat", "[unit][store]")
{
    for (int i = 0; i < 25; ++i)
        admit("c-" + std::to_string(i));
    const auto r = reader();
    std::vector<std::string> ids;
    for (std::int64_t after = 0;;) {
        const auto page = r->page(after, 10);
        REQUIRE(page.has_value());
        if (page->empty())
            break;
        for (const auto& e : *page)
            ids.push_back(e.id);
        after = page->back().n;
    }
    REQUIRE(ids.size() == 25);
    CHECK(ids.front() == "c-0");
    CHECK(ids.back() == "c-24");
}

TEST_CASE_METHOD(reader_fixture, "a reader works where no agent runs, in order or after a crash",
                 "[unit][store]")
{
    admit("c-1");
    temporary_folder crashed;
    copy_as_after_a_crash(folder.path(), crashed.path());
    const auto after_crash = store::queue_reader::open(crashed.path());
    REQUIRE(after_crash.has_value());
    CHECK((*after_crash)->find("c-1").value().has_value());

    agent.reset();
    CHECK(reader()->find("c-1").value().has_value());
    agent = open(folder.path()); // and what it left does not stand in the way of the next start
    CHECK(logged.str().find("damaged") == std::string::npos);
    CHECK(await(agent->unfinished()).value().size() == 1);
}

TEST_CASE_METHOD(reader_fixture, "a reader cannot change the queue, and does not keep the agent from writing",
                 "[unit][store]")
{
    admit("c-1");
    const auto r = reader();
    REQUIRE(r->page(0, 1).has_value());
    admit("c-2");
    CHECK(r->find("c-2").value().has_value());
    auto db = store::sqlite::database::open_to_read((folder.path() / "queue.db").string());
    REQUIRE(db.has_value());
    CHECK((*db)->execute("DELETE FROM commands").error() == errc::store_read_only);
}

TEST_CASE("where there is no queue, or no queue of ours, a reader says so and makes nothing", "[unit][store]")
{
    const temporary_folder folder;
    CHECK(store::queue_reader::open(folder.path()).error() == errc::not_found);
    CHECK(std::filesystem::is_empty(folder.path()));

    const auto file = folder.path() / "queue.db";
    std::ofstream(file) << std::string(8192, 'x');
    CHECK(store::queue_reader::open(folder.path()).error() == errc::store_corrupt);
    std::filesystem::remove(file);
    {
        const auto newer = store::sqlite::database::open(file.string());
        REQUIRE(newer.has_value());
        REQUIRE(
            (*newer)->execute("PRAGMA application_id = 1464554060; PRAGMA user_version = 99").has_value());
    }
    CHECK(store::queue_reader::open(folder.path()).error() == errc::store_newer);
}

TEST_CASE("an empty file is an empty queue", "[unit][store]")
{
    const temporary_folder folder;
    std::ofstream(folder.path() / "queue.db").close();
    const auto r = store::queue_reader::open(folder.path());
    REQUIRE(r.has_value());
    CHECK((*r)->page(0, 10).value().empty());
    CHECK(!(*r)->find("c-1").value().has_value());
    CHECK((*r)->other_messages().value() == 0);
}

// ---- dropping where no agent runs ----

TEST_CASE_METHOD(reader_fixture,
                 "a write that waits is dropped with a result that the next start owes the cloud",
                 "[unit][store]")
{
    admit("c-1");
    admit("c-2");
    begin("c-2");
    retract("c-2");
    agent.reset();
    time.advance(5s);
    CHECK(drop("c-1") == drop_verdict::dropped);
    CHECK(drop("c-2") == drop_verdict::dropped); // tried, and known to have changed nothing
    CHECK(drop("c-2") == drop_verdict::finished);
    CHECK(entry("c-1").state == entry_state::finished);

    agent = open(folder.path());
    CHECK(await(agent->unfinished()).value().empty());
    const auto owed = await(agent->read(0, 10, 1'000'000)).value();
    REQUIRE(owed.size() == 2);
    CHECK(owed[0].seq == 1);
    CHECK(owed[0].command_id == "c-1");
    CHECK(owed[0].body.find(R"("code":"cancelled")") != std::string::npos);
    CHECK(owed[0].body.find(R"("took_ms":5000)") != std::string::npos);
    CHECK(owed[1].seq == 2);
    CHECK(owed[1].body.find(R"("attempts":1)") != std::string::npos);
    admit("c-3");
    finish("c-3");
    CHECK(entry("c-3").seq == 3);
}

TEST_CASE_METHOD(reader_fixture, "what may have taken effect in Exchange is not dropped", "[unit][store]")
{
    admit("c-begun");
    begin("c-begun");
    admit("c-elsewhere", true);
    admit("c-done");
    finish("c-done");
    agent.reset();
    CHECK(drop("c-begun") == drop_verdict::outcome_unknown);
    CHECK(drop("c-elsewhere") == drop_verdict::redelivered);
    CHECK(drop("c-done") == drop_verdict::finished);
    CHECK(drop("c-never") == drop_verdict::unknown);
    CHECK(entry("c-begun").state == entry_state::running);
    CHECK(entry("c-elsewhere").state == entry_state::waiting);
}

TEST_CASE_METHOD(reader_fixture, "nothing is dropped from a queue that an agent holds", "[unit][store]")
{
    admit("c-1");
    CHECK(store::drop_waiting(folder.path(), "c-1", time.utc_now()).error() == errc::store_locked);
    CHECK(entry("c-1").state == entry_state::waiting);

    const temporary_folder empty;
    CHECK(store::drop_waiting(empty.path(), "c-1", time.utc_now()).error() == errc::not_found);
    CHECK(std::filesystem::is_empty(empty.path()));
}
