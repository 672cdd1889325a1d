// What an administrator may ask for: a try now, or the end of a write that waits. Neither may cost what exactly-once rests on.
#include "tests/unit/commands/agent_fixture.hpp"

using namespace relay;
using namespace relay::test;
using commands::admin_request;

namespace {

struct admin_requests_fixture : agent_fixture {
    admin_request retry_now(const std::string& id)
    {
        const auto w = now->works.retry_now(id);
        time.settle();
        return w;
    }
    admin_request drop(const std::string& id)
    {
        const auto w = now->works.drop(id);
        time.settle();
        return w;
    }
    void lose_exchange() { exchange.troubles.assign(1000, {.which = call::find, .error = outage}); }
    // A create that failed often enough for its pause to be long.
    void create_in_back_off(const std::string& id, bool redelivered = false)
    {
        lose_exchange();
        create(id, "e-" + id, {}, redelivered);
        time.advance(90s);
        REQUIRE(result(id) == nullptr);
    }
};

const ews::error throttled{{protocol::fault_code::exchange_busy, "busy", {}},
                           ews::retry_action::back_off,
                           ews::effect::none,
                           60s,
                           true};

} // namespace

TEST_CASE_METHOD(admin_requests_fixture,
                 "a write that waits after failed tries is tried at once where that is asked for",
                 "[unit][commands]")
{
    create_in_back_off("c-1");
    const auto tries = exchange.count(call::find);
    CHECK(retry_now("c-1") == admin_request::granted); // fails again, and waits again
    CHECK(exchange.count(call::find) == tries + 1);
    CHECK(result("c-1") == nullptr);

    exchange.troubles.clear();
    CHECK(retry_now("c-1") == admin_request::granted);
    CHECK(ok("c-1"));
    CHECK(exchange.told == std::vector<std::string>{"create e-c-1"});
    CHECK(retry_now("c-1") == admin_request::unknown);
}

TEST_CASE_METHOD(admin_requests_fixture, "a wish for a try now does not outlive that try", "[unit][commands]")
{
    create_in_back_off("c-1");
    REQUIRE(retry_now("c-1") == admin_request::granted);
    const auto tries = exchange.count(call::find);
    time.advance(100ms);
    CHECK(exchange.count(call::find) == tries);
}

TEST_CASE_METHOD(admin_requests_fixture, "a write of unknown outcome is neither hurried nor dropped",
                 "[unit][commands]")
{
    exchange.troubles.push_back({.which = call::create, .error = answer_lost});
    create("c-1", "e-1");
    time.advance(12s);
    CHECK(retry_now("c-1") == admin_request::under_way);
    CHECK(drop("c-1") == admin_request::outcome_unknown);
    time.advance(60s);
    CHECK(exchange.count(call::create) == 1);
    time.advance(60s); // settled, and nowhere
    CHECK(ok("c-1"));
    CHECK(exchange.count(call::create) == 2);
}

TEST_CASE_METHOD(admin_requests_fixture,
                 "a look-up of unknown outcome that failed is repeated at once, and nothing more",
                 "[unit][commands]")
{
    exchange.troubles.push_back({.which = call::create, .error = answer_lost});
    create("c-2", "e-2");
    lose_exchange();
    time.advance(60s);
    exchange.troubles.clear();
    CHECK(drop("c-2") == admin_request::outcome_unknown);
    CHECK(retry_now("c-2") == admin_request::granted);
    CHECK(exchange.count(call::create) == 1); // looked up, not applied: it has not settled
    time.advance(120s);
    CHECK(ok("c-2"));
}

TEST_CASE_METHOD(admin_requests_fixture, "a pause that Exchange asked for is not cut short",
                 "[unit][commands]")
{
    exchange.troubles.push_back({.which = call::find, .error = throttled});
    create("c-1", "e-1");
    CHECK(retry_now("c-1") == admin_request::paused);
    time.advance(59s);
    CHECK(exchange.count(call::find) == 1);
    time.advance(30s);
    CHECK(ok("c-1"));
}

TEST_CASE_METHOD(admin_requests_fixture,
                 "a write that waits after failed tries can be dropped, and is never applied",
                 "[unit][commands]")
{
    create_in_back_off("c-1");
    CHECK(drop("c-1") == admin_request::granted);
    CHECK(code("c-1") == "cancelled");
    CHECK(drop("c-1") == admin_request::unknown);
    exchange.troubles.clear();
    restart();
    time.advance(24h);
    CHECK(exchange.told.empty());
    CHECK(exchange.count(call::create) == 0);
}

TEST_CASE_METHOD(admin_requests_fixture, "what waits for its turn can be dropped, what is under way cannot",
                 "[unit][commands]")
{
    exchange.slowness = 10s;
    create("c-1", "e-1");
    update("c-2", "e-1");
    update("c-3", "e-1");
    CHECK(retry_now("c-1") == admin_request::under_way);
    CHECK(drop("c-1") == admin_request::under_way);
    CHECK(retry_now("c-2") == admin_request::waits_for_earlier);
    CHECK(drop("c-2") == admin_request::granted);
    CHECK(code("c-2") == "cancelled");
    time.advance(10min);
    CHECK(ok("c-1"));
    CHECK(ok("c-3"));
    CHECK(exchange.told == std::vector<std::string>{"create e-1", "update e-1"});
}

TEST_CASE_METHOD(admin_requests_fixture, "what another agent may have carried out is not dropped",
                 "[unit][commands]")
{
    create_in_back_off("c-1", true);
    CHECK(drop("c-1") == admin_request::redelivered);
    CHECK(retry_now("c-1") == admin_request::granted);
    exchange.troubles.clear();
    time.advance(60s);
    CHECK(ok("c-1"));
}

TEST_CASE_METHOD(admin_requests_fixture, "after a restart a failed write can be dropped, a begun one cannot",
                 "[unit][commands]")
{
    exchange.slowness = 10s;
    create("c-2", "e-2");
    time.advance(12s); // looked up, and the request is under way
    exchange.slowness = 0s;
    lose_exchange();
    create("c-1", "e-1");
    restart();
    time.advance(30s);
    CHECK(drop("c-1") == admin_request::granted);
    CHECK(drop("c-2") == admin_request::outcome_unknown);
    CHECK(code("c-1") == "cancelled");
}

TEST_CASE_METHOD(admin_requests_fixture,
                 "an update of which one request was carried out cannot be dropped as if it were undone",
                 "[unit][commands]")
{
    const bool restarted = GENERATE(false, true);
    put("item-9", "e-1", "c-0");
    exchange.slowness = 1s;
    const json::array guests{json::object{{"email", "guest@corp.example"}, {"role", "required"}}};
    send("c-1", "event.update",
         {{"event_id", "e-1"}, {"set", {{"subject", "New"}, {"attendees", guests}}}, {"notify", "changed"}});
    for (int i = 0; i < 100 && exchange.count(call::update) < 2; ++i)
        time.advance(100ms);
    exchange.troubles.push_back({.which = call::update, .error = throttled}); // of what tells the guest
    time.advance(10s);
    REQUIRE(exchange.count(call::update) == 2);
    if (restarted) {
        lose_exchange();
        restart();
        time.advance(5s);
    }
    CHECK(drop("c-1") == admin_request::outcome_unknown);
    exchange.troubles.clear();
    time.advance(10min);
    CHECK(ok("c-1"));
}

TEST_CASE_METHOD(admin_requests_fixture, "while the agent stops no wish is granted", "[unit][commands]")
{
    create_in_back_off("c-1");
    now->works.drain();
    CHECK(drop("c-1") == admin_request::draining);
    time.settle();
    CHECK(result("c-1") == nullptr);
    CHECK(retry_now("c-1") == admin_request::unknown); // left for the next start
}
