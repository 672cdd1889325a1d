// Nothing leaves after its time: the time is asked again after the begin of a try is durable, and before each request.
#include "tests/unit/commands/agent_fixture.hpp"

#include <boost/asio/detached.hpp>

namespace relay::test {
namespace {

struct lateness_fixture : agent_fixture {
    static constexpr auto ttl = 10'000ms;

    bool held_begun(const std::string& id)
    {
        time.settle();
        bool begun = false;
        asio::co_spawn(
            context,
            [](store::queue_store& s, const std::string& wanted, bool& found) -> task<void> {
                const auto all = co_await s.unfinished();
                for (const auto& one : *all)
                    if (one.received.command.id == wanted)
                        found = one.begun_at.has_value();
            }(*queue, id, begun),
            asio::detached);
        time.settle();
        return begun;
    }
    void meeting(const std::string& event)
    {
        put("item-of-" + event, event, "c-0").fields.attendees = std::vector<protocol::attendee>{};
    }
    // Adds somebody and changes the subject, with word to the one who comes only: two requests.
    void update_in_two(const std::string& id, const std::string& event)
    {
        send(id, "event.update",
             {{"event_id", event},
              {"notify", "changed"},
              {"set",
               {{"subject", "New"},
                {"attendees",
                 json::array{json::object{{"email", "guest@corp.example"}, {"role", "required"}}}}}}},
             ttl);
    }
};

} // namespace

TEST_CASE_METHOD(lateness_fixture, "a create whose begin took longer than its time is not sent",
                 "[unit][commands]")
{
    disk->begins_open = false;
    create("c-1", "e-1", ttl);
    time.advance(20s);
    CHECK(held_begun("c-1"));
    CHECK(result("c-1") == nullptr);
    disk->open_gate();
    time.settle();
    CHECK(code("c-1") == "deadline_exceeded");
    CHECK(result("c-1")->at("attempts").as_int64() == 0);
    CHECK(exchange.count(call::create) == 0);
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(lateness_fixture, "an update or cancel whose begin took longer than its time is not sent",
                 "[unit][commands]")
{
    meeting("e-1");
    meeting("e-2");
    disk->begins_open = false;
    send("c-1", "event.update", {{"event_id", "e-1"}, {"set", {{"subject", "New"}}}}, ttl);
    send("c-2", "event.cancel", {{"event_id", "e-2"}}, ttl);
    time.advance(20s);
    disk->open_gate();
    time.settle();
    CHECK(code("c-1") == "deadline_exceeded");
    CHECK(code("c-2") == "deadline_exceeded");
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(lateness_fixture, "a write that came too late ends with what an earlier try of it met",
                 "[unit][commands]")
{
    ews::error busy = outage;
    busy.fault.code = protocol::fault_code::exchange_busy;
    exchange.troubles = {{call::create, busy}};
    create("c-1", "e-1", ttl);
    disk->begins_open = false;
    time.advance(20s);
    disk->open_gate();
    time.settle();
    CHECK(code("c-1") == "exchange_busy");
    CHECK(result("c-1")->at("attempts").as_int64() == 1);
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(lateness_fixture,
                 "a try that came too late is taken back in the store, and a restart knows it for none",
                 "[unit][commands]")
{
    disk->begins_open = false;
    create("c-1", "e-1", ttl);
    time.advance(20s);
    CHECK(held_begun("c-1"));
    // The try is taken back; the result does not become durable.
    disk->begins_open = true;
    disk->open_gate();
    disk->finishes_open = false;
    time.settle();
    CHECK_FALSE(held_begun("c-1"));
    stop();
    disk->finishes_open = true;
    start();
    time.advance(11s); // another life may have carried it out: looked up twice
    REQUIRE(code("c-1") == "deadline_exceeded");
    CHECK(result("c-1")->at("attempts").as_int64() == 0);
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(lateness_fixture, "the second request of an update does not leave after the command's time",
                 "[unit][commands]")
{
    meeting("e-1");
    update_in_two("c-1", "e-1");
    REQUIRE(ok("c-1"));
    REQUIRE(exchange.count(call::update) == 2);

    meeting("e-2");
    exchange.slowness =
        4s; // find, get and the first request: the second would begin 12 s after the command came
    update_in_two("c-2", "e-2");
    time.advance(30s);
    CHECK(code("c-2") == "exchange_unavailable");
    const auto message = result("c-2")->at("error").at("message").as_string();
    CHECK(message.find("what concerns no attendee is changed already") != message.npos);
    CHECK(exchange.effects("update e-2") == 1);
    CHECK(exchange.items.back().marks.command_id == "c-0");
}

TEST_CASE_METHOD(lateness_fixture,
                 "invitations that were cut off are not sent after the command's time, and the item is told",
                 "[unit][commands]")
{
    exchange.troubles = {
        {.which = call::create, .error = answer_lost, .done_all_the_same = true, .uninvited = true}};
    limits.settle = 3s;
    restart();
    send("c-1", "event.create",
         {{"event_id", "e-1"},
          {"subject", "S"},
          {"start", "2026-11-23T09:00:00Z"},
          {"end", "2026-11-23T10:00:00Z"},
          {"attendees", json::array{json::object{{"email", "guest@corp.example"}, {"role", "required"}}}}},
         ttl);
    disk->begins_open = false; // of the request that sends them
    time.advance(20s);
    REQUIRE(held_begun("c-1"));
    CHECK(result("c-1") == nullptr);
    disk->open_gate();
    time.settle();
    CHECK(ok("c-1"));
    CHECK(exchange.count(call::update) == 0);
    CHECK(exchange.effects("invite e-1") == 0);
}

TEST_CASE_METHOD(lateness_fixture, "a write of unknown outcome is looked up for as long as it takes",
                 "[unit][commands]")
{
    exchange.troubles = {{.which = call::create, .error = answer_lost, .done_later = 60s}};
    create("c-1", "e-1", ttl);
    time.advance(30s);
    CHECK(result("c-1") == nullptr);
    time.advance(60s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
}

} // namespace relay::test
