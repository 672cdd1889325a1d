// Dispatch as Exchange's throttling sees it: how much is asked at once, who waits for whom, and what a busy server changes.
#include "tests/unit/commands/agent_fixture.hpp"

using namespace relay;
using namespace relay::test;

namespace {

ews::error throttled(milliseconds back_off, bool whole_server)
{
    return {{protocol::fault_code::exchange_busy, "busy", "ErrorServerBusy"},
            ews::retry_action::back_off,
            ews::effect::none,
            back_off,
            whole_server};
}

struct throttling_fixture : agent_fixture {
    void create_for(const std::string& mailbox, const std::string& id, std::optional<milliseconds> ttl = {})
    {
        acts_for = mailbox;
        create(id, "e-" + id, ttl);
        acts_for = "host@corp.example";
    }
    void verify(const std::string& mailbox, const std::string& id, std::optional<milliseconds> ttl = {})
    {
        acts_for = mailbox;
        send(id, "mailbox.verify", {}, ttl);
        acts_for = "host@corp.example";
    }
    void ask(const std::string& id, std::optional<milliseconds> ttl = {})
    {
        send(id, "availability.get",
             {{"mailboxes", {"user1@corp.example"}},
              {"start", "2026-12-01T00:00:00Z"},
              {"end", "2026-12-02T00:00:00Z"}},
             ttl);
    }
    milliseconds took(const std::string& id) const
    {
        REQUIRE(result(id));
        return milliseconds(result(id)->at("took_ms").as_int64());
    }
};

} // namespace

TEST_CASE_METHOD(throttling_fixture, "a host with very many commands does not keep another one waiting",
                 "[unit][commands]")
{
    exchange.slowness = 1s;
    for (int i = 0; i < 60; ++i)
        create_for("noisy@corp.example", "n-" + std::to_string(i));
    create_for("quiet@corp.example", "q-1");
    ask("r-1");
    time.advance(2s); // two requests: look, and create
    CHECK(ok("q-1"));
    CHECK(took("r-1") == 1s);
    time.advance(60s);
    CHECK(ok("n-59"));
    CHECK(exchange.most_for["noisy@corp.example"] == 4);
    CHECK(exchange.most_running <= 10);
}

TEST_CASE_METHOD(throttling_fixture, "never more requests at once than exchange.max_connections",
                 "[unit][commands]")
{
    limits.most_requests = 3;
    restart();
    exchange.slowness = 100ms;
    for (int i = 0; i < 20; ++i) {
        create_for("h" + std::to_string(i) + "@corp.example", "c-" + std::to_string(i));
        verify("v" + std::to_string(i) + "@corp.example", "v-" + std::to_string(i));
        ask("a-" + std::to_string(i));
    }
    time.advance(10s);
    CHECK(exchange.most_running == 3);
    for (int i = 0; i < 20; ++i)
        CHECK((ok("c-" + std::to_string(i)) && ok("v-" + std::to_string(i)) && ok("a-" + std::to_string(i))));
}

TEST_CASE_METHOD(throttling_fixture, "a mailbox that Exchange has paused holds up nobody else",
                 "[unit][commands]")
{
    exchange.troubles.assign(
        1, {.which = call::find, .error = throttled(300s, false), .mailbox = "paused@corp.example"});
    for (int i = 0; i < 50; ++i)
        create_for("paused@corp.example", "p-" + std::to_string(i));
    exchange.slowness = 100ms;
    create_for("other@corp.example", "o-1");
    ask("r-1");
    time.advance(200ms);
    CHECK(ok("o-1"));
    CHECK(ok("r-1"));
    const auto before = exchange.count(call::find);
    time.advance(298s);
    CHECK(exchange.count(call::find) == before); // as long as Exchange said
    time.advance(60s);
    for (int i = 0; i < 50; ++i)
        CHECK(ok("p-" + std::to_string(i)));
    CHECK(now->works.line().most_now("paused@corp.example") <= 4);
}

TEST_CASE_METHOD(throttling_fixture, "a throttled mailbox is asked less at once, and slowly more again",
                 "[unit][commands]")
{
    exchange.slowness = 100ms;
    exchange.troubles.assign(1, {.which = call::open, .error = throttled(1s, false)});
    for (int i = 0; i < 20; ++i)
        verify("a@corp.example", "v-" + std::to_string(i));
    time.advance(1s); // those under way have ended
    exchange.most_for.clear();
    time.advance(1100ms);
    CHECK(exchange.most_for["a@corp.example"] == 2);
    time.advance(10s);
    for (int i = 0; i < 20; ++i)
        CHECK(ok("v-" + std::to_string(i)));
}

TEST_CASE_METHOD(throttling_fixture, "a throttled service account halves what is asked at once",
                 "[unit][commands]")
{
    limits.batched_mailboxes = 0;
    restart();
    exchange.slowness = 100ms;
    exchange.troubles.assign(10, {.which = call::availability, .error = throttled(1s, true)});
    for (int i = 0; i < 40; ++i)
        ask("a-" + std::to_string(i));
    time.advance(1s);
    CHECK(exchange.most_running == 10);
    exchange.most_running = 0;
    time.advance(300ms);
    CHECK(exchange.most_running == 5); // ten refusals at once are one
    time.advance(20s);
    for (int i = 0; i < 40; ++i)
        CHECK(ok("a-" + std::to_string(i)));
}

TEST_CASE_METHOD(throttling_fixture, "a command that waits for its turn ends at its ttl, and was not tried",
                 "[unit][commands]")
{
    exchange.slowness = 20s;
    for (int i = 0; i < 4; ++i)
        verify("a@corp.example", "v-" + std::to_string(i));
    verify("a@corp.example", "late", 2000ms);
    create_for("a@corp.example", "late-write", 3000ms);
    time.advance(2s);
    CHECK(code("late") == "deadline_exceeded");
    CHECK(result("late")->at("attempts") == 0);
    time.advance(1s);
    CHECK(code("late-write") == "deadline_exceeded");
    time.advance(20s);
    CHECK(exchange.count(call::open) == 4);
    CHECK(now->works.line().waiting() == 0);
    CHECK(now->works.line().under_way() == 0);
}

TEST_CASE_METHOD(throttling_fixture, "a command that waits for its turn can be cancelled", "[unit][commands]")
{
    exchange.slowness = 20s;
    for (int i = 0; i < 4; ++i)
        create_for("a@corp.example", "c-" + std::to_string(i));
    create_for("a@corp.example", "waits");
    now->in.cancel("waits");
    time.settle();
    CHECK(code("waits") == "cancelled");
    CHECK(exchange.effects("create e-waits") == 0);
}

TEST_CASE_METHOD(throttling_fixture, "writes that hang for all hosts do not keep reads waiting",
                 "[unit][commands]")
{
    exchange.slowness = 25s;
    for (int i = 0; i < 40; ++i)
        create_for("h" + std::to_string(i) + "@corp.example", "c-" + std::to_string(i));
    exchange.slowness = 100ms;
    ask("r-1");
    verify("h1@corp.example", "r-2");
    time.advance(200ms);
    CHECK(ok("r-1"));
    CHECK(ok("r-2"));
}

TEST_CASE_METHOD(throttling_fixture, "a stream of reads does not keep writes waiting", "[unit][commands]")
{
    limits.most_requests = 2;
    limits.batched_mailboxes = 0;
    restart();
    exchange.slowness = 1s;
    for (int i = 0; i < 40; ++i)
        ask("r-" + std::to_string(i));
    create_for("a@corp.example", "c-1");
    time.advance(3s); // one service time until a permit is free, then its own two
    CHECK(ok("c-1"));
}

TEST_CASE_METHOD(throttling_fixture,
                 "an outcome that is unknown is not looked up while Exchange asks for a pause",
                 "[unit][commands]")
{
    exchange.troubles = {{.which = call::create, .error = answer_lost, .done_all_the_same = true},
                         {.which = call::open, .error = throttled(60s, false)}};
    create_for("a@corp.example", "c-1");
    verify("a@corp.example", "v-1", 1000ms);
    const auto before = exchange.count(call::find);
    time.advance(59s);
    CHECK(exchange.count(call::find) == before);
    time.advance(12s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-c-1") == 1);
}
