// What goes over a link that is up, and how it ends.
#include "tests/unit/uplink/uplink_fixture.hpp"

namespace relay::test {

using uplink::link_state;

TEST_CASE_METHOD(uplink_fixture, "what is owed is sent in order once the link is up", "[unit][uplink]")
{
    for (const auto* id : {"c-1", "c-2", "c-3"})
        owe(id);
    REQUIRE(await(queue->read_to_send(0, 1, 1)).has_value()); // by the life before this one
    cloud.greet = scripted_cloud::welcome(1);
    start();
    CHECK(heard() == std::vector<std::string>{"hello", "result c-2 #2", "result c-3 #3"});
    CHECK(cloud.now().from_agent[0].find(R"("next_seq":4)") != std::string::npos);
    CHECK(cloud.now().most == 65536);
}

TEST_CASE_METHOD(uplink_fixture, "many results leave in few writes", "[unit][uplink]")
{
    for (int i = 0; i < 1000; ++i)
        owe("c-" + std::to_string(i));
    start();
    CHECK(heard().size() == 1001);
    CHECK(cloud.now().writes < 20);
}

TEST_CASE_METHOD(uplink_fixture, "garbage is answered with a problem and the link stays", "[unit][uplink]")
{
    start();
    for (const auto* garbage :
         {"", "{", "[]", "null", R"({"type":5})", R"({"type":"command"})", R"({"type":"ack","seq":"x"})"})
        cloud.now().send(garbage);
    settle();
    CHECK(heard().size() == 8);
    CHECK(heard().back() == "problem");
    CHECK(state() == link_state::connected);
}

TEST_CASE_METHOD(uplink_fixture, "an unknown type is logged once, and only so many of them", "[unit][uplink]")
{
    start();
    for (int i = 0; i < 1000; ++i) {
        cloud.now().send(R"({"type":"weather"})");
        cloud.now().send(R"({"type":"weather)" + std::to_string(i) + "\"}");
    }
    settle();
    CHECK(count_logged("\"weather\"") == 1);
    CHECK(count_logged("ignoring messages") == 32);
    CHECK(state() == link_state::connected);
}

TEST_CASE_METHOD(uplink_fixture, "commands, cancels and acks reach their doors", "[unit][uplink]")
{
    owe("c-0");
    start();
    ask("c-1");
    CHECK(in.open() == 1);
    cloud.now().send(R"({"type":"cancel","id":"c-1"})");
    cloud.now().send(R"({"type":"ack","seq":1})");
    settle();
    CHECK(out.unacked() == 0);
    const auto t = await(in.next());
    CHECK((*t)->cancelled);
    in.release(*t);
}

TEST_CASE_METHOD(uplink_fixture, "a cloud that sends but does not read is not read from without end",
                 "[unit][uplink]")
{
    start();
    cloud.now().reads = false;
    for (int i = 0; i < 5000; ++i)
        cloud.now().send("garbage");
    time.advance(1s);
    CHECK(cloud.now().to_agent.size() > 4000);
    CHECK(state() == link_state::connected);

    SECTION("and is served on when it reads again")
    {
        cloud.now().reads = true;
        cloud.now().changed.notify();
        settle();
        CHECK(cloud.now().to_agent.empty());
        CHECK(heard().size() == 5001);
    }
    SECTION("and is given up where nothing moves for two heartbeats")
    {
        time.advance(41s);
        CHECK(cloud.links[0]->aborted);
    }
}

TEST_CASE_METHOD(uplink_fixture, "a slow reader that takes something now and then is not a dead link",
                 "[unit][uplink]")
{
    start();
    cloud.now().reads = false;
    for (int i = 0; i < 100'000; ++i)
        cloud.now().send("garbage");
    for (int i = 0; i < 10; ++i) {
        time.advance(15s);
        cloud.now().reads = true;
        cloud.now().changed.notify();
        context.restart();
        context.poll_one();
        cloud.now().reads = false;
    }
    CHECK(cloud.attempts == 1);
}

TEST_CASE_METHOD(uplink_fixture, "a link cut in the middle loses nothing that is owed", "[unit][uplink]")
{
    for (int i = 0; i < 10; ++i)
        owe("c-" + std::to_string(i));
    cloud.greet = [](wire& w) {
        scripted_cloud::welcome(0)(w);
        w.reads = true;
    };
    start();
    cloud.now().cut(asio::error::eof);
    cloud.greet = scripted_cloud::welcome(4);
    REQUIRE(within(1s, [&] { return cloud.links.size() == 2 && state() == link_state::connected; }));
    CHECK(heard() == std::vector<std::string>{"hello", "result c-4 #5", "result c-5 #6", "result c-6 #7",
                                              "result c-7 #8", "result c-8 #9", "result c-9 #10"});
}

TEST_CASE_METHOD(uplink_fixture, "a read's answer that finds no link is stored and sent on the next",
                 "[unit][uplink]")
{
    start();
    ask("c-1");
    cloud.now().cut();
    cloud.refusals = 3;
    time.advance(10ms);
    answer("c-1");
    REQUIRE(within(1min, [&] { return cloud.links.size() == 2 && state() == link_state::connected; }));
    CHECK(heard() == std::vector<std::string>{"hello", "result c-1 #1"});
}

// ---- shutdown ----

TEST_CASE_METHOD(uplink_fixture, "goodbye comes before the refusals, and running commands still finish",
                 "[unit][uplink]")
{
    start();
    ask("c-1");
    up.stop();
    ask("c-2");
    CHECK(heard() == std::vector<std::string>{"hello", "goodbye", "result c-2 overloaded"});
    time.advance(10s);
    CHECK_FALSE(ended);
    CHECK_FALSE(cloud.now().closed.has_value());
    answer("c-1");
    time.advance(20ms);
    CHECK(heard().back() == "result c-1");
    CHECK(cloud.now().closed == 1001);
    CHECK(ended);
    CHECK(state() == link_state::stopped);
}

TEST_CASE_METHOD(uplink_fixture,
                 "a command that does not finish holds up the shutdown for the drain timeout only",
                 "[unit][uplink]")
{
    start();
    ask("c-1");
    up.stop();
    time.advance(19900ms);
    CHECK_FALSE(ended);
    time.advance(200ms);
    CHECK(cloud.now().closed == 1001);
    CHECK(ended);
}

TEST_CASE_METHOD(uplink_fixture, "a cloud that answers no close does not hold up the shutdown",
                 "[unit][uplink]")
{
    start();
    cloud.now().answers_close = false;
    up.stop();
    time.advance(2900ms);
    CHECK_FALSE(ended);
    time.advance(200ms);
    CHECK(ended);
}

TEST_CASE_METHOD(uplink_fixture, "a shutdown overrides a drain of the cloud", "[unit][uplink]")
{
    start();
    ask("c-1");
    cloud.now().reads = false;
    cloud.now().send("garbage");
    cloud.now().send(R"({"type":"drain","reconnect_after_ms":0})");
    settle();
    up.stop();
    cloud.now().reads = true;
    cloud.now().changed.notify();
    time.advance(100ms);
    answer("c-1");
    time.advance(20ms);
    CHECK(ended);
    CHECK(heard() == std::vector<std::string>{"hello", "problem", "goodbye", "result c-1"});
    CHECK(cloud.attempts == 1);
}

TEST_CASE_METHOD(uplink_fixture, "the link breaking while it says goodbye ends the uplink", "[unit][uplink]")
{
    start();
    ask("c-1");
    up.stop();
    settle();
    cloud.now().cut();
    settle();
    CHECK(ended);
    CHECK(cloud.attempts == 1);
}

TEST_CASE_METHOD(uplink_fixture, "stop() ends an uplink without a link at once", "[unit][uplink]")
{
    SECTION("while it dials")
    {
        cloud.hangs = true;
    }
    SECTION("while it waits for welcome")
    {
        cloud.greet = [](wire&) {};
    }
    SECTION("while it pauses")
    {
        cloud.refusals = 1;
    }
    SECTION("while it is rejected")
    {
        cloud.greet = [](wire& w) { w.send(R"({"type":"reject","code":"revoked","message":"no"})"); };
    }
    start();
    up.stop();
    settle();
    CHECK(ended);
    CHECK(state() == link_state::stopped);
    CHECK(count_logged("warning lost") == 0);
}

TEST_CASE_METHOD(uplink_fixture, "stop() from within the news of a connection is heard", "[unit][uplink]")
{
    up.on_change([&](const uplink::link_status& s) {
        if (s.state == link_state::connected)
            up.stop();
    });
    start();
    time.advance(20ms);
    CHECK(ended);
    CHECK(heard() == std::vector<std::string>{"hello", "goodbye"});
}

TEST_CASE("stop() is heard at any instant of connecting", "[unit][uplink]")
{
    for (int handlers = 0; handlers < 60; ++handlers) {
        uplink_fixture f;
        REQUIRE(f.await(f.in.recover()).has_value());
        asio::co_spawn(
            f.context, f.up.run(),
            asio::bind_cancellation_slot(f.cancel.slot(), [&](std::exception_ptr) { f.ended = true; }));
        f.context.restart();
        for (int i = 0; i < handlers; ++i)
            f.context.poll_one();
        f.up.stop();
        f.time.advance(1s);
        INFO("after " << handlers << " handlers");
        CHECK(f.ended);
    }
}

TEST_CASE_METHOD(uplink_fixture, "a cancel ends the uplink in any state, without a goodbye", "[unit][uplink]")
{
    SECTION("connected") {}
    SECTION("dialling")
    {
        cloud.hangs = true;
    }
    SECTION("waiting for welcome")
    {
        cloud.greet = [](wire&) {};
    }
    SECTION("pausing")
    {
        cloud.refusals = 1;
    }
    SECTION("on the second link")
    {
        start();
        cloud.now().cut();
        REQUIRE(within(1s, [&] { return cloud.links.size() == 2; }));
        abandon();
        CHECK(ended);
        return;
    }
    start();
    abandon();
    CHECK(ended);
    CHECK(logged.str().find("goodbye") == std::string::npos);
}

} // namespace relay::test
