// When the uplink dials, and when it waits.
#include "tests/unit/uplink/uplink_fixture.hpp"

namespace relay::test {

using uplink::link_state;

TEST_CASE_METHOD(uplink_fixture, "a refused uplink is retried until it is up, and says so once at each end",
                 "[unit][uplink]")
{
    cloud.refusals = 5;
    start();
    CHECK(cloud.attempts == 1);
    CHECK(state() == link_state::backoff);
    CHECK(up.status().last_error == "cannot connect to relay.example:443");
    REQUIRE(within(5min, [&] { return state() == link_state::connected; }));
    CHECK(cloud.attempts == 6);
    CHECK(count_logged("warning no link to the cloud: cannot connect to relay.example:443") == 1);
    CHECK(count_logged("warning") == 1);
    CHECK(count_logged("info connected to wss://relay.example/v1/connect again") == 1);
}

TEST_CASE_METHOD(uplink_fixture, "pauses grow, the first within half a second, none over a minute",
                 "[unit][uplink]")
{
    cloud.refusals = 1000;
    start();
    time.advance(2h);
    REQUIRE(cloud.attempts > 100);
    duration longest{};
    for (std::size_t i = 1; i < cloud.attempted_at.size(); ++i)
        longest = std::max(longest, cloud.attempted_at[i] - cloud.attempted_at[i - 1]);
    CHECK(cloud.attempted_at[1] - cloud.attempted_at[0] <= 500ms);
    CHECK(longest <= 60s);
    CHECK(longest > 30s);
}

TEST_CASE_METHOD(uplink_fixture, "a link that keeps breaking at once does not reset the pauses",
                 "[unit][uplink]")
{
    cloud.greet = [](wire& w) {
        scripted_cloud::welcome(0)(w);
        w.cut();
    };
    start();
    time.advance(30min);
    CHECK(cloud.attempts < 100);
}

TEST_CASE_METHOD(uplink_fixture, "a link that stayed up for half a minute resets the pauses",
                 "[unit][uplink]")
{
    cloud.refusals = 12;
    start();
    REQUIRE(within(30min, [&] { return state() == link_state::connected; }));
    time.advance(31s);
    const auto before = time.now();
    cloud.now().cut();
    REQUIRE(within(
        1s, [&] { return cloud.links.size() == 2; }, 1ms));
    CHECK(time.now() - before <= 501ms);
    CHECK(up.status().reconnects == 1);
    CHECK(count_logged("warning lost the link to the cloud: cut by the test") == 1);
}

TEST_CASE_METHOD(uplink_fixture, "a rejected agent waits as long as it is told, and logs it once",
                 "[unit][uplink]")
{
    cloud.greet = [](wire& w) {
        w.send(
            R"({"type":"reject","code":"revoked","message":"ask your administrator","retry_after_s":300})");
    };
    start();
    CHECK(state() == link_state::rejected);
    CHECK(up.status().last_error == "the cloud rejects this agent: revoked ask your administrator");
    time.advance(299s);
    CHECK(cloud.attempts == 1);
    time.advance(2s);
    CHECK(cloud.attempts == 2);
    CHECK(state() == link_state::rejected);
    CHECK(count_logged("rejects this agent") == 1);
    cloud.greet = scripted_cloud::welcome(0);
    time.advance(301s);
    CHECK(state() == link_state::connected);
}

TEST_CASE_METHOD(uplink_fixture, "a cloud that sends no welcome is left after ten seconds", "[unit][uplink]")
{
    cloud.greet = [](wire&) {};
    start();
    time.advance(9900ms);
    CHECK(state() == link_state::connecting);
    time.advance(200ms);
    CHECK(cloud.links[0]->aborted);
    CHECK(up.status().last_error == "wss://relay.example/v1/connect sends no `welcome`");
}

TEST_CASE_METHOD(uplink_fixture, "commands before welcome break the link off", "[unit][uplink]")
{
    cloud.greet = [](wire& w) {
        w.send(R"({"type":"command","id":"c-1","op":"connection.test","params":{}})");
    };
    start();
    CHECK(state() == link_state::backoff);
    CHECK(in.open() == 0);
}

TEST_CASE_METHOD(uplink_fixture, "unknown and broken messages before welcome do no harm", "[unit][uplink]")
{
    cloud.greet = [](wire& w) {
        w.send(R"({"type":"weather","sunny":true})");
        w.send("garbage");
        scripted_cloud::welcome(0)(w);
    };
    start();
    CHECK(state() == link_state::connected);
    CHECK(heard() == std::vector<std::string>{"hello", "problem"});
}

TEST_CASE_METHOD(uplink_fixture, "a silent link is pinged, then given up after two heartbeats",
                 "[unit][uplink]")
{
    start();
    time.advance(5min);
    CHECK(cloud.attempts == 1);
    CHECK(cloud.now().pings == 15);
    cloud.now().answers_pings = false;
    const auto last = cloud.now().arrived;
    REQUIRE(within(1min, [&] { return state() != link_state::connected; }));
    CHECK(time.now() - last == 40s);
    CHECK(cloud.links[0]->aborted);
    CHECK(up.status().last_error == "nothing arrived from wss://relay.example/v1/connect for 40 s");
}

TEST_CASE_METHOD(uplink_fixture, "a drained link delivers what is ready and comes back after the delay",
                 "[unit][uplink]")
{
    start();
    time.advance(40s);
    ask("c-1");
    cloud.now().reads = false;
    answer("c-1");
    cloud.now().send(R"({"type":"drain","reconnect_after_ms":2000})");
    time.advance(100ms);
    CHECK_FALSE(cloud.now().closed.has_value());
    cloud.now().reads = true;
    cloud.now().changed.notify();
    time.advance(20ms);
    CHECK(heard() == std::vector<std::string>{"hello", "result c-1"});
    CHECK(cloud.now().closed == 1001);
    CHECK(state() == link_state::backoff);
    time.advance(1900ms);
    CHECK(cloud.attempts == 1);
    time.advance(200ms);
    CHECK(cloud.attempts == 2);
    CHECK(state() == link_state::connected);
    CHECK(count_logged("warning") == 0);
}

TEST_CASE_METHOD(uplink_fixture, "a drain does not wait for ever for a cloud that reads nothing",
                 "[unit][uplink]")
{
    start();
    time.advance(40s);
    cloud.now().reads = false;
    cloud.now().answers_close = false;
    cloud.now().send("garbage"); // its problem cannot leave
    cloud.now().send(R"({"type":"drain","reconnect_after_ms":0})");
    REQUIRE(within(14s, [&] { return cloud.attempts == 2; }));
}

TEST_CASE_METHOD(uplink_fixture, "reconnect() closes in form and dials without a pause", "[unit][uplink]")
{
    start();
    up.reconnect();
    time.advance(20ms);
    CHECK(cloud.links[0]->closed == 1000);
    CHECK(cloud.attempts == 2);
    CHECK(state() == link_state::connected);
}

TEST_CASE_METHOD(uplink_fixture, "reconnect() cuts a pause and a hanging attempt short", "[unit][uplink]")
{
    cloud.greet = [](wire& w) { w.send(R"({"type":"reject","code":"revoked","message":"no"})"); };
    start();
    up.reconnect();
    settle();
    CHECK(cloud.attempts == 2);
    cloud.hangs = true;
    up.reconnect();
    settle();
    CHECK(cloud.attempts == 3);
    cloud.hangs = false;
    cloud.greet = scripted_cloud::welcome(0);
    up.reconnect();
    settle();
    CHECK(cloud.attempts == 4);
    CHECK(state() == link_state::connected);
}

TEST_CASE_METHOD(uplink_fixture, "an old copy of the store gets a new identity and connects again",
                 "[unit][uplink]")
{
    owe("c-1");
    const auto before = await(queue->who());
    cloud.greet = scripted_cloud::welcome(2); // next_seq is 2: the cloud cannot have it from us
    start();
    CHECK(cloud.now().closed == 1000);
    const auto after = await(queue->who());
    CHECK(before->id != after->id);
    cloud.greet = scripted_cloud::welcome(0);
    REQUIRE(within(1s, [&] { return state() == link_state::connected; }));
    CHECK(heard() == std::vector<std::string>{"hello", "result c-1 #1"});
}

TEST_CASE_METHOD(uplink_fixture, "an old copy that worked before it met the cloud is known for one",
                 "[unit][uplink]")
{
    cloud.hangs = true;
    start();
    const auto before = await(queue->who());
    owe("c-1"); // stored in this life and never sent: that the cloud has a message 1 is another life's doing
    owe("c-2");
    cloud.hangs = false;
    cloud.greet = [greeted = 0](wire& w) mutable { scripted_cloud::welcome(greeted++ == 0 ? 1 : 0)(w); };
    up.reconnect();
    REQUIRE(within(2s, [&] { return state() == link_state::connected; }));
    CHECK(before->id != await(queue->who())->id);
    CHECK(heard() == std::vector<std::string>{"hello", "result c-1 #1", "result c-2 #2"});
    CHECK(count_logged("old copy") == 1);
}

TEST_CASE_METHOD(uplink_fixture, "what went out on a link before is no sign of an old copy", "[unit][uplink]")
{
    start();
    const auto before = await(queue->who());
    owe("c-1");
    up.reconnect(); // the outbox does not hear of what the test stores
    REQUIRE(within(1s, [&] { return heard() == std::vector<std::string>{"hello", "result c-1 #1"}; }));
    cloud.greet = scripted_cloud::welcome(1);
    cloud.now().cut(); // its acknowledgement is lost
    REQUIRE(within(1s, [&] { return cloud.links.size() == 3 && state() == link_state::connected; }));
    CHECK(before->id == await(queue->who())->id);
    CHECK(heard() == std::vector<std::string>{"hello"});
}

TEST_CASE_METHOD(uplink_fixture, "a cloud that was set back gets what is still known, and the rest is named",
                 "[unit][uplink]")
{
    for (const auto* id : {"w-1", "w-2", "w-3"}) {
        REQUIRE(await(queue->admit(write(id))).has_value());
        REQUIRE(await(queue->finish(id, body(id), {time.utc_now()})).has_value());
        if (std::string(id) == "w-2")
            owe("r-1"); // no write's result: gone once it is acknowledged
    }
    start();
    REQUIRE(heard() == std::vector<std::string>{"hello", "result w-1 #1", "result w-2 #2", "result r-1 #3",
                                                "result w-3 #4"});
    cloud.now().send(R"({"type":"ack","seq":4})");
    time.advance(1s);
    REQUIRE(await(queue->who())->unacked == 0);
    const auto before = await(queue->who());
    cloud.greet = [greeted = 0](wire& w) mutable { scripted_cloud::welcome(greeted++ == 0 ? 1 : 0)(w); };
    cloud.now().cut();
    REQUIRE(within(3s, [&] { return cloud.links.size() == 3 && state() == link_state::connected; }));
    CHECK(before->id != await(queue->who())->id);
    CHECK(heard() == std::vector<std::string>{"hello", "result w-2 #1", "result w-3 #2"});
    CHECK(count_logged("holds message 1 of this store, and had acknowledged 4") == 1);
    CHECK(count_logged("messages 3 cannot be sent again") == 1);
    CHECK_THAT(up.status().last_error, Catch::Contains("set back"));
}

TEST_CASE_METHOD(uplink_fixture, "connected() wakes who waits for it", "[unit][uplink]")
{
    cloud.refusals = 1;
    bool woke = false;
    asio::co_spawn(context, up.connected(), [&](std::exception_ptr, error_code ec) { woke = !ec; });
    start();
    CHECK_FALSE(woke);
    time.advance(1s);
    CHECK(woke);
}

} // namespace relay::test
