// The queue itself: admission, numbering, acknowledgement, history.
#include "tests/unit/store/store_fixture.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::store;
using relay::test::a_write;

namespace {

struct queue_fixture : test::loop_fixture {
    std::unique_ptr<sqlite_queue_store> queue = open();

    admission admit(const std::string& id, const std::string& subject = "s")
    {
        auto found = await(queue->admit(a_write(*this, id, subject)));
        REQUIRE(found.has_value());
        return std::move(*found);
    }
    sequence finish(const std::string& id)
    {
        const auto seq = await(queue->finish(id, "{\"id\":\"" + id + "\"}", {time.utc_now()}));
        REQUIRE(seq.has_value());
        return *seq;
    }
    sequence append(const std::string& body)
    {
        const auto seq = await(queue->append(body, {}, {}));
        REQUIRE(seq.has_value());
        return *seq;
    }
    void acknowledge(sequence seq) { REQUIRE(await(queue->acknowledge(seq)).has_value()); }
    std::vector<stored_message> read(sequence after, std::size_t most = 1000, std::size_t bytes = 1 << 20)
    {
        auto page = await(queue->read(after, most, bytes));
        REQUIRE(page.has_value());
        return std::move(*page);
    }
    identity who()
    {
        const auto us = await(queue->who());
        REQUIRE(us.has_value());
        return *us;
    }
};

} // namespace

TEST_CASE_METHOD(queue_fixture, "a write that is new is stored, and running when it comes again",
                 "[unit][store]")
{
    CHECK(std::holds_alternative<stored_now>(admit("c-1")));
    CHECK(std::holds_alternative<still_running>(admit("c-1")));
}

TEST_CASE_METHOD(queue_fixture, "a write whose event the store knows is told so, as long as it remembers",
                 "[unit][store]")
{
    const auto known = [&](const std::string& id, const std::string& event) {
        auto c = a_write(*this, id);
        c.event_id = event;
        const auto found = await(queue->admit(std::move(c)));
        REQUIRE(found.has_value());
        return std::get<stored_now>(*found).event_known;
    };
    CHECK_FALSE(known("c-1", "e-1"));
    CHECK(known("c-2", "e-1"));
    CHECK_FALSE(known("c-3", "E-1")); // ids are compared exactly
    CHECK_FALSE(known("c-4", ""));
    CHECK_FALSE(known("c-5", ""));

    finish("c-3");
    acknowledge(1);
    CHECK(known("c-6", "E-1"));
    finish("c-6");
    acknowledge(2);
    time.advance(24h);
    REQUIRE(await(queue->prune(time.utc_now(), utc_time::max(), 100)).has_value());
    CHECK_FALSE(known("c-7", "E-1"));
}

TEST_CASE_METHOD(queue_fixture, "an id with other content is reused, also after the command finished",
                 "[unit][store]")
{
    admit("c-1");
    CHECK(std::holds_alternative<reused_id>(admit("c-1", "another")));
    finish("c-1");
    CHECK(std::holds_alternative<reused_id>(admit("c-1", "another")));
    acknowledge(1);
    CHECK(std::holds_alternative<reused_id>(admit("c-1", "another")));
}

TEST_CASE_METHOD(queue_fixture, "a finished write gives its result again, with seq until it is acknowledged",
                 "[unit][store]")
{
    admit("c-1");
    finish("c-1");
    auto again = admit("c-1");
    REQUIRE(std::holds_alternative<finished_before>(again));
    CHECK(std::get<finished_before>(again).seq == 1);
    CHECK(std::get<finished_before>(again).body == R"({"id":"c-1"})");
    acknowledge(1);
    again = admit("c-1");
    REQUIRE(std::holds_alternative<finished_before>(again));
    CHECK_FALSE(std::get<finished_before>(again).seq.has_value());
    CHECK(std::get<finished_before>(again).body == R"({"id":"c-1"})");
}

TEST_CASE_METHOD(queue_fixture, "looking up stores nothing and finds what admit would", "[unit][store]")
{
    const auto look = [&](const std::string& id, const std::string& print) {
        auto found = await(queue->look_up(id, print));
        REQUIRE(found.has_value());
        return std::move(*found);
    };
    CHECK_FALSE(look("c-1", "print of s").has_value());
    CHECK(std::holds_alternative<stored_now>(admit("c-1")));
    CHECK(std::holds_alternative<still_running>(look("c-1", "print of s").value()));
    CHECK(std::holds_alternative<reused_id>(look("c-1", "other").value()));
    finish("c-1");
    CHECK(std::get<finished_before>(look("c-1", "print of s").value()).seq == 1);
}

TEST_CASE_METHOD(queue_fixture, "a full queue refuses new writes until results are acknowledged",
                 "[unit][store]")
{
    queue.reset();
    queue = open({}, 2);
    admit("c-1");
    admit("c-2");
    CHECK(std::holds_alternative<queue_full>(admit("c-3")));
    CHECK(std::holds_alternative<still_running>(admit("c-1")));
    finish("c-1");
    CHECK(std::holds_alternative<queue_full>(admit("c-3")));
    acknowledge(1);
    CHECK(std::holds_alternative<stored_now>(admit("c-3")));
}

TEST_CASE_METHOD(queue_fixture, "what is not there cannot be begun, taken back or finished", "[unit][store]")
{
    CHECK(await(queue->begin("c-1", time.utc_now())).error() == errc::not_found);
    CHECK(await(queue->retract("c-1", "exchange_busy")).error() == errc::not_found);
    CHECK(await(queue->finish("c-1", "{}", {time.utc_now()})).error() == errc::not_found);
    CHECK(who().next_seq == 1);
    CHECK(logged.str().empty());
}

TEST_CASE_METHOD(queue_fixture, "finishing twice keeps the first result and its seq", "[unit][store]")
{
    admit("c-1");
    CHECK(finish("c-1") == 1);
    CHECK(await(queue->finish("c-1", "another", {time.utc_now()})).value() == 1);
    CHECK(who().next_seq == 2);
    REQUIRE(read(0).size() == 1);
    CHECK(read(0).front().body == R"({"id":"c-1"})");
    acknowledge(1);
    CHECK(await(queue->finish("c-1", "another", {time.utc_now()})).value() == 1);
    CHECK(read(0).empty());
}

TEST_CASE_METHOD(queue_fixture, "unfinished writes come back whole and in the order received",
                 "[unit][store]")
{
    const auto received = time.utc_now();
    auto first = a_write(*this, "c-2");
    first.command.redelivered = true;
    REQUIRE(await(queue->admit(first)).has_value());
    time.advance(5s);
    admit("c-1");
    admit("c-0");
    finish("c-0");
    REQUIRE(await(queue->begin("c-2", time.utc_now())).has_value());
    REQUIRE(await(queue->retract("c-2", "exchange_busy")).has_value());
    REQUIRE(await(queue->begin("c-2", time.utc_now())).has_value());

    const auto all = await(queue->unfinished());
    REQUIRE(all.has_value());
    REQUIRE(all->size() == 2);
    const auto& u = all->front();
    CHECK(u.received.command.id == "c-2");
    CHECK(u.received.command.op == "event.create");
    CHECK(u.received.command.mailbox == "host@corp.example");
    CHECK(u.received.command.params == first.command.params);
    CHECK(u.received.command.redelivered);
    CHECK(u.received.fingerprint == first.fingerprint);
    CHECK(u.received.event_id == "e-1");
    CHECK(u.received.received_at == received);
    CHECK(u.received.ttl == 1h);
    CHECK(u.attempts == 2);
    CHECK(u.begun_at == received + 5s);
    CHECK(u.last_error == "exchange_busy");
    CHECK(all->back().received.command.id == "c-1");
    CHECK(all->back().attempts == 0);
    CHECK_FALSE(all->back().begun_at.has_value());
}

TEST_CASE_METHOD(queue_fixture, "results, reads and events share one row of numbers", "[unit][store]")
{
    admit("c-1");
    CHECK(append("event 1") == 1);
    CHECK(finish("c-1") == 2);
    const auto expires = time.utc_now() + 30s;
    CHECK(await(queue->append("read", "r-1", expires)).value() == 3);

    const auto all = read(0);
    REQUIRE(all.size() == 3);
    CHECK(all[0].body == "event 1");
    CHECK(all[0].command_id.empty());
    CHECK_FALSE(all[0].expires_at.has_value());
    CHECK(all[1].body == R"({"id":"c-1"})");
    CHECK(all[1].command_id == "c-1");
    CHECK(all[2].command_id == "r-1");
    CHECK(all[2].expires_at == expires);
    CHECK(read(2).size() == 1);
    CHECK(read(3).empty());
}

TEST_CASE_METHOD(queue_fixture, "a page ends at its count and at its bytes, but holds one message at least",
                 "[unit][store]")
{
    for (int i = 0; i < 10; ++i)
        append(std::string(100, 'x'));
    CHECK(read(0, 3).size() == 3);
    CHECK(read(0, 100, 250).size() == 2);
    CHECK(read(0, 100, 1).size() == 1);
}

TEST_CASE_METHOD(queue_fixture, "acknowledging is cumulative, repeatable and bounded by what was given out",
                 "[unit][store]")
{
    for (int i = 0; i < 5; ++i)
        append("event");
    acknowledge(3);
    CHECK(read(0).front().seq == 4);
    acknowledge(2);
    acknowledge(3);
    CHECK(who().unacked == 2);
    acknowledge(1'000'000);
    CHECK(who().unacked == 0);
    CHECK(who().next_seq == 6);
    CHECK(append("event") == 6);
}

TEST_CASE_METHOD(queue_fixture, "an acknowledgement of very many messages comes to its end in steps",
                 "[unit][store]")
{
    for (int i = 0; i < 3500; ++i)
        append("event");
    acknowledge(3456);
    CHECK(who().unacked == 44);
    CHECK(read(0).front().seq == 3457);
}

TEST_CASE_METHOD(queue_fixture, "renewing gives a new id and numbers what is owed from 1, in order",
                 "[unit][store]")
{
    const auto before = who();
    admit("c-1");
    admit("c-2");
    admit("c-3");
    finish("c-3");
    append("event");
    finish("c-1");
    append("event 2");
    acknowledge(2);

    const auto after = await(queue->renew());
    REQUIRE(after.has_value());
    CHECK(after->id != before.id);
    CHECK(after->next_seq == 3);
    CHECK(after->unacked == 2);
    const auto owed = read(0);
    REQUIRE(owed.size() == 2);
    CHECK(owed[0].seq == 1);
    CHECK(owed[0].command_id == "c-1");
    CHECK(owed[1].body == "event 2");
    CHECK(std::get<finished_before>(admit("c-1")).seq == 1);
    CHECK_FALSE(std::get<finished_before>(admit("c-3")).seq.has_value());
    CHECK(std::holds_alternative<still_running>(admit("c-2")));
    CHECK(finish("c-2") == 3);
    acknowledge(3);
    CHECK(who().unacked == 0);
}

TEST_CASE_METHOD(queue_fixture,
                 "a cloud that was set back is owed again what the history has, under a new id and in order",
                 "[unit][store]")
{
    for (const auto* id : {"c-1", "c-2", "c-3", "c-4", "c-5"})
        admit(id);
    finish("c-2");     // 1
    append("event");   // 2
    finish("c-1");     // 3
    append("event 2"); // 4
    append("event 3"); // 5
    finish("c-3");     // 6
    append("event 4"); // 7
    acknowledge(6);
    const auto before = who();
    const auto held = GENERATE(1, 3, 0);
    const auto again = await(queue->owe_again(held)).value();
    const auto results = held == 1 ? 2 : held == 3 ? 1 : 3;
    CHECK(again.results == results);
    CHECK(again.lost_messages == (held == 3 ? 2 : 3));
    CHECK(again.lost.back() == std::pair<sequence, sequence>(4, 5));
    CHECK(again.now.id != before.id);
    CHECK(again.now.next_seq == results + 2);
    CHECK(again.now.unacked == results + 1);
    CHECK(again.now.sent == 0);
    std::vector<std::string> owed;
    for (const auto& m : read(0))
        owed.push_back(m.command_id.empty() ? m.body : m.command_id);
    auto expected = std::vector<std::string>{"c-2", "c-1", "c-3", "event 4"};
    expected.erase(expected.begin(), expected.begin() + 3 - results);
    CHECK(owed == expected);
    CHECK(std::get<finished_before>(admit("c-3")).seq == results);
    CHECK(std::get<finished_before>(admit("c-2")).seq.has_value() == (held == 0));
    CHECK(std::holds_alternative<still_running>(admit("c-4")));
    CHECK(finish("c-4") == results + 2);
    acknowledge(results + 2);
    CHECK(who().unacked == 0);
    // Set back once more: nothing of the life before counts as this one's.
    const auto once_more = await(queue->owe_again(results + 1)).value();
    CHECK(once_more.results == 1);
    CHECK(once_more.lost.empty());
}

TEST_CASE_METHOD(queue_fixture,
                 "only acknowledged commands that ended long ago are forgotten, some at a time",
                 "[unit][store]")
{
    for (int i = 0; i < 6; ++i) {
        admit("c-" + std::to_string(i));
        time.advance(1s);
        if (i < 5)
            finish("c-" + std::to_string(i));
    }
    acknowledge(4);
    const auto prune = [&](utc_time before, std::size_t most) {
        return await(queue->prune(before, utc_time::max(), most)).value();
    };
    CHECK(prune(time.utc_now() - 10s, 10) == 0);
    CHECK(prune(time.utc_now() - 3s, 1) == 1);
    CHECK(prune(time.utc_now() + 1s, 2) == 2);
    CHECK(prune(time.utc_now() + 1s, 10) == 1);
    CHECK(prune(time.utc_now() + 1s, 10) == 0);
    CHECK(std::holds_alternative<stored_now>(admit("c-0")));
    CHECK(std::get<finished_before>(admit("c-4")).seq == 5);
    CHECK(std::holds_alternative<still_running>(admit("c-5")));
    CHECK(append("event") == 6);
}

TEST_CASE_METHOD(queue_fixture, "status counts what waits and says since when", "[unit][store]")
{
    CHECK_FALSE(await(queue->status())->oldest.has_value());
    const auto start = time.utc_now();
    append("event");
    time.advance(1s);
    admit("c-1");
    admit("c-2");
    finish("c-1");
    auto s = await(queue->status());
    CHECK(s->unfinished == 1);
    CHECK(s->unacked == 2);
    CHECK(s->oldest == start);
    acknowledge(1);
    CHECK(await(queue->status())->oldest == start + 1s);
}
