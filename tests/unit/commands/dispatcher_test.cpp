#include "tests/unit/commands/agent_fixture.hpp"

#include "agent/exchange_access/identity.hpp"

using namespace relay;
using namespace relay::test;

TEST_CASE_METHOD(agent_fixture, "a create makes one item that carries both marks", "[unit][commands]")
{
    create("c-1", "e-1");
    CHECK(output("c-1").at("event_id") == "e-1");
    CHECK(output("c-1").at("item_id") == "item-1");
    REQUIRE(exchange.items.size() == 1);
    CHECK(exchange.items[0].marks.event_id == "e-1");
    CHECK(exchange.items[0].marks.command_id == "c-1");
    CHECK(result("c-1")->at("seq") == 1);
    CHECK(result("c-1")->at("attempts") == 1);
}

TEST_CASE_METHOD(agent_fixture, "a second create of a live event is a conflict", "[unit][commands]")
{
    create("c-1", "e-1");
    create("c-2", "e-1");
    CHECK(code("c-2") == "conflict");
    CHECK(exchange.items.size() == 1);
}

TEST_CASE_METHOD(agent_fixture, "a read under the id of a finished write is a problem and nothing else",
                 "[unit][commands]")
{
    create("c-1", "e-1");
    disk->open = false; // so that it is known late whose id it is
    send("c-1", "event.get", {{"event_id", "e-1"}});
    CHECK(now->in.open() == 1);
    disk->open_gate();
    time.settle();
    CHECK(ok("c-1")); // the one result
    CHECK(now->frames.back().at("type") == "problem");
    CHECK(now->frames.back().at("code") == "id_reused");
    CHECK(now->in.open() == 0);
    send("r-1", "event.get", {{"event_id", "e-1"}});
    CHECK(ok("r-1"));
}

TEST_CASE_METHOD(agent_fixture, "an event that was cancelled can be created again", "[unit][commands]")
{
    create("c-1", "e-1");
    cancel_event("c-2", "e-1");
    create("c-3", "e-1");
    CHECK(ok("c-3"));
    CHECK(exchange.effects("create e-1") == 2);
}

TEST_CASE_METHOD(agent_fixture, "no write leaves before its try is durable", "[unit][commands]")
{
    create("c-0", "e-0");
    disk->begins_fail = errc::store_full;
    create("c-1", "e-1");
    update("c-2", "e-0");
    cancel_event("c-3", "e-0");
    create("c-4", "e-4", {}, true);
    time.advance(1h);
    CHECK(exchange.told == std::vector<std::string>{"create e-0"});
    disk->begins_fail.reset();
    time.advance(5min);
    CHECK((ok("c-1") && ok("c-2") && ok("c-3") && ok("c-4")));
    CHECK(exchange.effects("create e-1") == 1);
    CHECK(exchange.effects("update e-0") == 1);
    CHECK(exchange.effects("cancel e-0") == 1);
    CHECK(exchange.effects("create e-4") == 1);
}

TEST_CASE_METHOD(agent_fixture, "a create whose answer was lost is found and not made again",
                 "[unit][commands]")
{
    exchange.troubles = {{call::create, answer_lost, true}};
    create("c-1", "e-1");
    time.advance(10s);
    CHECK(output("c-1").at("item_id") == "item-1");
    CHECK(exchange.effects("create e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture, "a create of unknown outcome is not repeated before it has settled",
                 "[unit][commands]")
{
    exchange.troubles = {{call::create, answer_lost}};
    create("c-1", "e-1");
    time.advance(119s);
    CHECK(exchange.count(call::create) == 1);
    CHECK(result("c-1") == nullptr);
    time.advance(10s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture, "a create that Exchange carries out late is found, not repeated",
                 "[unit][commands]")
{
    exchange.troubles = {{call::create, answer_lost, false, 100s}};
    create("c-1", "e-1");
    time.advance(300s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture, "a create that was begun when the agent died is looked up after the restart",
                 "[unit][commands]")
{
    exchange.slowness = 1s;
    create("c-1", "e-1"); // dies while CreateItem is under way
    time.advance(1500ms);
    stop();
    exchange.items.push_back(
        {"host@corp.example",
         {{"item-9", "1"}, ews::item_location::live, "e-1", "c-1", exchange_access::uid_for("e-1", "c-1")},
         {}});
    exchange.slowness = 0s;
    start();
    CHECK(output("c-1").at("item_id") == "item-9");
    CHECK(exchange.effects("create e-1") == 0);
}

TEST_CASE_METHOD(agent_fixture,
                 "a create that was begun in vain is repeated once it has settled, counted from the restart",
                 "[unit][commands]")
{
    exchange.slowness = 1s;
    create("c-1", "e-1");
    time.advance(1500ms);
    stop();
    exchange.slowness = 0s;
    time.jump_wall_clock(1h); // tells nothing about how long ago it was sent
    start();
    time.advance(115s);
    CHECK(result("c-1") == nullptr);
    time.advance(10s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture, "a redelivered create is applied only where it is not", "[unit][commands]")
{
    exchange.items.push_back(
        {"host@corp.example",
         {{"item-9", "1"}, ews::item_location::live, "e-1", "c-1", exchange_access::uid_for("e-1", "c-1")},
         {}});
    create("c-1", "e-1", {}, true);
    CHECK(output("c-1").at("item_id") == "item-9");
    create("c-2", "e-2", {}, true);
    time.advance(11s);
    CHECK(ok("c-2"));
    CHECK(exchange.effects("create e-1") == 0);
    CHECK(exchange.effects("create e-2") == 1);
}

TEST_CASE_METHOD(agent_fixture, "a redelivered create that was overtaken answers the item as it is now",
                 "[unit][commands]")
{
    exchange.items.push_back(
        {"host@corp.example",
         {{"item-9", "5"}, ews::item_location::live, "e-1", "c-7", exchange_access::uid_for("e-1", "c-1")},
         {}});
    create("c-1", "e-1", {}, true);
    CHECK(output("c-1").at("change_key") == "5");
}

TEST_CASE_METHOD(
    agent_fixture,
    "a create that was begun when the agent died, and finds another command's item, tells by its UID",
    "[unit][commands]")
{
    exchange.slowness = 1s;
    create("c-1", "e-1");
    time.advance(1500ms);
    stop();
    exchange.slowness = 0s;
    const auto find = [&](const std::string& uid) {
        exchange.items.push_back(
            {"host@corp.example", {{"item-9", "5"}, ews::item_location::live, "e-1", "c-7", uid}, {}});
        start();
    };
    SECTION("it made the item, which was changed since")
    {
        find(exchange_access::uid_for("e-1", "c-1"));
        CHECK(output("c-1").at("change_key") == "5");
    }
    SECTION("it was kept from making one")
    {
        find(exchange_access::uid_for("e-1", "c-0"));
        time.advance(130s); // until its own item can no longer come
        CHECK(code("c-1") == "conflict");
    }
    CHECK(exchange.effects("create e-1") == 0);
}

TEST_CASE_METHOD(agent_fixture, "a restart lets no command take for its own what the one before it did",
                 "[unit][commands]")
{
    exchange.slowness = 1s;
    SECTION("a second create")
    {
        create("c-1", "e-1");
        create("c-2", "e-1"); // waits for its turn
        time.advance(1500ms);
        restart();
        time.advance(200s);
        CHECK(ok("c-1"));
        CHECK(code("c-2") == "conflict");
        CHECK(exchange.effects("create e-1") == 1);
    }
    SECTION("a second cancel")
    {
        exchange.items.push_back({"host@corp.example",
                                  {{"item-9", "1"},
                                   ews::item_location::live,
                                   "e-1",
                                   "c-0",
                                   exchange_access::uid_for("e-1", "c-0")},
                                  {}});
        cancel_event("c-1", "e-1");
        cancel_event("c-2", "e-1");
        time.advance(1500ms);
        restart();
        time.advance(200s);
        CHECK(output("c-1").at("existed").as_bool());
        CHECK_FALSE(output("c-2").at("existed").as_bool());
    }
}

TEST_CASE_METHOD(agent_fixture, "a redelivered create whose item somebody deleted since does not come back",
                 "[unit][commands]")
{
    exchange.items.push_back(
        {"host@corp.example",
         {{"item-9", "1"}, ews::item_location::deleted, "e-1", "c-1", exchange_access::uid_for("e-1", "c-1")},
         {}});
    create("c-1", "e-1", {}, true);
    CHECK(output("c-1").at("item_id") == "item-9");
    CHECK(output("c-1").at("deleted") == true);
    CHECK(exchange.effects("create e-1") == 0);
}

TEST_CASE_METHOD(agent_fixture, "an update whose answer was lost is recognised by its mark",
                 "[unit][commands]")
{
    create("c-1", "e-1");
    exchange.troubles = {{call::update, answer_lost, true}};
    update("c-2", "e-1");
    time.advance(10s);
    CHECK(ok("c-2"));
    CHECK(exchange.effects("update e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture, "an update or get of an unknown event is event_not_found", "[unit][commands]")
{
    update("c-1", "e-1");
    time.advance(6s);
    CHECK(code("c-1") == "event_not_found");
    send("c-2", "event.get", {{"event_id", "e-1"}});
    CHECK(code("c-2") == "event_not_found");
}

TEST_CASE_METHOD(agent_fixture, "a cancel says whether the event existed before its first look",
                 "[unit][commands]")
{
    cancel_event("c-1", "e-1");
    time.advance(6s);
    CHECK(output("c-1").at("existed") == false);
    create("c-2", "e-1");
    exchange.troubles = {{call::remove, answer_lost, true}};
    cancel_event("c-3", "e-1");
    time.advance(10s);
    CHECK(output("c-3").at("existed") == true);
    CHECK(exchange.effects("cancel e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture, "commands for one event run in the order received, others side by side",
                 "[unit][commands]")
{
    exchange.slowness = 100ms;
    create("c-1", "e-1");
    update("c-2", "e-1");
    cancel_event("c-3", "e-1");
    create("c-4", "e-2");
    time.advance(150ms);
    CHECK(exchange.most_running == 2);
    time.advance(2s);
    CHECK((ok("c-1") && ok("c-2") && ok("c-3") && ok("c-4")));
    std::vector<std::string> of_e1;
    for (const auto& t : exchange.told)
        if (t.ends_with("e-1"))
            of_e1.push_back(t);
    CHECK(of_e1 == std::vector<std::string>{"create e-1", "update e-1", "cancel e-1"});
}

TEST_CASE_METHOD(agent_fixture,
                 "a read that Exchange never answers ends with the last try's fault at its ttl",
                 "[unit][commands]")
{
    exchange.troubles.assign(100, {call::open, outage});
    send("c-1", "mailbox.verify", {}, 3000ms);
    time.advance(3s);
    CHECK(code("c-1") == "exchange_unavailable");
    CHECK(result("c-1")->at("attempts").as_int64() >= 2);
}

TEST_CASE_METHOD(agent_fixture, "a command that never got its turn ends with deadline_exceeded",
                 "[unit][commands]")
{
    exchange.slowness = 20s;
    create("c-1", "e-1");
    send("c-2", "event.get", {{"event_id", "e-1"}}, 2000ms);
    time.advance(3s);
    CHECK(code("c-2") == "deadline_exceeded");
    time.advance(60s);
    CHECK(ok("c-1"));
}

TEST_CASE_METHOD(agent_fixture,
                 "writes of unknown outcome do not keep each other looking while Exchange is away",
                 "[unit][commands]")
{
    exchange.troubles.assign(2, {call::create, answer_lost});
    exchange.slowness = 100ms;
    create("c-1", "e-1");
    create("c-2", "e-2");
    time.advance(250ms);
    REQUIRE(exchange.count(call::create) == 2);
    exchange.troubles.assign(1000, {call::find, outage});
    const auto before = exchange.count(call::find);
    time.advance(60s);
    CHECK(exchange.count(call::find) - before < 40);
    exchange.troubles.clear();
    time.advance(200s);
    CHECK(ok("c-1"));
    CHECK(ok("c-2"));
}

TEST_CASE_METHOD(agent_fixture, "a write waits out an outage", "[unit][commands]")
{
    exchange.troubles.assign(20, {call::find, outage});
    create("c-1", "e-1");
    time.advance(1h);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture, "a write whose outcome is unknown at its ttl is looked up until it is known",
                 "[unit][commands]")
{
    SECTION("it took effect late: that is what is answered")
    {
        exchange.troubles = {{call::create, answer_lost, false, 60s}};
        create("c-1", "e-1", 10'000ms);
        time.advance(30s);
        CHECK(result("c-1") == nullptr);
        time.advance(40s);
        CHECK(ok("c-1"));
    }
    SECTION("it never did: nothing more is applied, the try's fault is answered")
    {
        exchange.troubles = {{call::create, answer_lost}};
        create("c-1", "e-1", 10'000ms);
        time.advance(135s);
        CHECK(code("c-1") == "exchange_unavailable");
        CHECK(exchange.told.empty());
    }
}

TEST_CASE_METHOD(agent_fixture, "a command that was tried does not end as one that was not",
                 "[unit][commands]")
{
    SECTION("its try was cut off by a restart and never took effect")
    {
        exchange.slowness = 1s;
        create("c-1", "e-1", 10'000ms); // dies while CreateItem is under way
        time.advance(1500ms);
        stop();
        exchange.slowness = 0s;
        start();
        time.advance(135s);
    }
    SECTION("its time passed during the first look")
    {
        exchange.slowness = 20s;
        create("c-1", "e-1", 10'000ms);
        time.advance(60s);
    }
    CHECK(code("c-1") == "exchange_unavailable");
    CHECK(result("c-1")->at("attempts").as_int64() == 1);
    CHECK(exchange.effects("create e-1") == 0);
}

TEST_CASE_METHOD(agent_fixture,
                 "a command whose time passed while the agent was off ends with what its last try met",
                 "[unit][commands]")
{
    ews::error busy = outage;
    busy.fault.code = protocol::fault_code::exchange_busy;
    exchange.troubles = {{call::create, busy}};
    create("c-1", "e-1", 10'000ms);
    stop();
    time.advance(20s);
    start();
    time.advance(11s); // another life may have carried it out: looked up twice
    CHECK(code("c-1") == "exchange_busy");
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture,
                 "a permanent refusal of unknown effect is looked up, and answered once it has settled",
                 "[unit][commands]")
{
    exchange.troubles = {{call::create,
                          {{protocol::fault_code::exchange_error, "quota", "ErrorQuotaExceeded"},
                           ews::retry_action::give_up,
                           ews::effect::unknown,
                           {},
                           false}}};
    create("c-1", "e-1");
    time.advance(60s);
    CHECK(result("c-1") == nullptr);
    time.advance(70s);
    CHECK(code("c-1") == "exchange_error");
    CHECK(exchange.count(call::create) == 1);
}

TEST_CASE_METHOD(agent_fixture, "where the account is refused reads end at once and writes at their ttl",
                 "[unit][commands]")
{
    exchange.troubles.assign(1000, {call::find, refused});
    send("c-1", "event.get", {{"event_id", "e-1"}});
    CHECK(code("c-1") == "auth_failed");
    create("c-2", "e-2", 60'000ms);
    time.advance(30s);
    CHECK(result("c-2") == nullptr);
    time.advance(31s);
    CHECK(code("c-2") == "auth_failed");
}

TEST_CASE_METHOD(agent_fixture, "cancel ends a command that waits and leaves one that was begun",
                 "[unit][commands]")
{
    exchange.slowness = 1s;
    create("c-1", "e-1");
    update("c-2", "e-1");
    now->in.cancel("c-1");
    now->in.cancel("c-2");
    time.settle();
    CHECK(code("c-2") == "cancelled");
    time.advance(10s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("update e-1") == 0);
}

TEST_CASE_METHOD(agent_fixture, "at a drain waiting writes are left for the next start and waiting reads end",
                 "[unit][commands]")
{
    exchange.troubles.assign(8, {call::find, outage});
    create("c-1", "e-1");
    send("c-2", "event.get", {{"event_id", "e-2"}});
    now->works.drain();
    time.settle();
    CHECK(result("c-1") == nullptr);
    CHECK(code("c-2") == "exchange_unavailable");
    CHECK(now->in.open() == 0);
    restart();
    time.advance(1h);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture, "availability is split, joined and answered in the order asked",
                 "[unit][commands]")
{
    json::array mailboxes;
    for (int i = 0; i < 150; ++i)
        mailboxes.push_back(json::string("u" + std::to_string(i) + "@corp.example"));
    mailboxes[7] = "CEO@corp.example";
    send("c-1", "availability.get",
         {{"mailboxes", mailboxes}, {"start", "2026-11-23T00:00:00Z"}, {"end", "2027-02-01T00:00:00Z"}});
    const auto& answers = output("c-1").at("mailboxes").as_array();
    REQUIRE(answers.size() == 150);
    CHECK(exchange.count(call::availability) == 4);
    CHECK(answers[7].at("error").at("code") == "policy_denied");
    CHECK(answers[149].at("mailbox") == "u149@corp.example");
    CHECK(answers[149].at("busy").as_array().size() == 2);
}

TEST_CASE_METHOD(agent_fixture, "a throttled command is not tried again before Exchange allows it",
                 "[unit][commands]")
{
    exchange.troubles = {{call::open,
                          {{protocol::fault_code::exchange_busy, "busy", "ErrorServerBusy"},
                           ews::retry_action::back_off,
                           ews::effect::none,
                           10'000ms,
                           false}}};
    send("c-1", "mailbox.verify", {});
    time.advance(9s);
    CHECK(exchange.count(call::open) == 1);
    time.advance(3s);
    CHECK(ok("c-1"));
}

TEST_CASE_METHOD(agent_fixture, "connection.test and agent.diagnose answer", "[unit][commands]")
{
    send("c-1", "connection.test", {});
    CHECK(output("c-1").at("server").at("product") == "Exchange 2019");
    send("c-2", "agent.diagnose", {});
    CHECK(output("c-2").at("ok") == true);
}
