// A machine that sleeps: time goes on, and what is unfinished is treated as found at a start.
#include "agent/exchange_access/identity.hpp"
#include "tests/unit/commands/agent_fixture.hpp"

namespace relay::test {

TEST_CASE_METHOD(agent_fixture,
                 "a write that waits is not applied after its time, in which the machine slept",
                 "[unit][commands]")
{
    put("item-1", "e-1", "c-0");
    exchange.troubles.assign(1000, {call::find, outage});
    send("c-1", "event.update", {{"event_id", "e-1"}, {"set", {{"subject", "first"}}}}, 60'000ms);
    time.advance(5s);
    time.suspend(2min); // in which another agent carried it out, and a later one
    exchange.troubles.clear();
    exchange.items.front().marks.command_id = "c-2";
    time.advance(10min);
    CHECK(code("c-1") == "exchange_unavailable");
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture, "a write whose time went by in a suspend is looked up before that is said",
                 "[unit][commands]")
{
    exchange.troubles.assign(1000, {call::find, outage});
    create("c-1", "e-1", 60'000ms);
    time.advance(5s);
    time.suspend(2min);
    // The other life of a machine that was put back to a snapshot of its memory.
    auto& made = put("item-1", "e-1", "c-1").marks;
    made.uid = made.born_uid = exchange_access::uid_for("e-1", "c-1");
    exchange.troubles.clear();
    time.advance(2min);
    CHECK(ok("c-1"));
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture, "a create that was accepted is looked for everywhere after a suspend",
                 "[unit][commands]")
{
    exchange.troubles.assign(1000, {call::find, outage});
    create("c-1", "e-1");
    time.advance(5s);
    time.suspend(2h);
    exchange.troubles.clear();
    // The other life of a machine that was put back to a snapshot of its memory: it made the item, and somebody filed it.
    auto& filed = put("item-1", "e-1", "c-1", "Team").marks;
    filed.uid = filed.born_uid = exchange_access::uid_for("e-1", "c-1");
    exchange.folders = {{"Team"}};
    time.advance(2min);
    CHECK(ok("c-1"));
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture,
                 "a write of unknown outcome is looked up for settle_s after a jump, and not applied before",
                 "[unit][commands]")
{
    exchange.troubles = {{.which = call::create, .error = answer_lost, .done_later = 2h + 60s}};
    create("c-1", "e-1");
    time.advance(10s);
    time.suspend(2h); // or the wall clock was set: Exchange has had no more than 10 s
    time.advance(100s);
    CHECK(exchange.count(call::create) == 1);
    time.advance(30s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture, "a try that is begun across a suspend goes back to looking",
                 "[unit][commands]")
{
    disk->begins_open = false;
    create("c-1", "e-1");
    time.advance(1s);
    time.suspend(1h);
    put("item-1", "e-1", "c-1"); // made in another life
    disk->open_gate();
    time.advance(2min);
    CHECK(ok("c-1"));
    CHECK(exchange.count(call::create) == 0);
}

TEST_CASE_METHOD(agent_fixture, "after a suspend the agent works on", "[unit][commands]")
{
    create("c-1", "e-1");
    time.suspend(24h * 30);
    create("c-2", "e-2");
    CHECK(ok("c-1"));
    CHECK(ok("c-2"));
}

} // namespace relay::test
