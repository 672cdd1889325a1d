#include "tests/unit/cloud_sim/cloud_fixture.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::cloud_sim;

namespace {

const json::object& last(const fake_link& wire)
{
    REQUIRE_FALSE(wire.sent.empty());
    return wire.sent.back();
}

} // namespace

TEST_CASE_METHOD(fixture, "an event of a watch has to be about what was asked for", "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    command c;
    c.op = "availability.watch";
    c.params = {{"watch_id", "w"}, {"mailboxes", {"A@b.c"}}, {"horizon_days", 2}};
    sim.record(std::move(c));
    const auto changed = [&](int seq, const std::string& watch, const std::string& mailbox,
                             const std::string& end) {
        say(s, R"({"type":"event","seq":)" + std::to_string(seq) +
                   R"(,"event":"availability.changed","data":{"watch_id":")" + watch + R"(","mailbox":")" +
                   mailbox +
                   R"(","as_of":"2026-11-22T10:00:00Z","busy":[{"start":"2026-11-23T10:00:00Z","end":")" +
                   end + R"(","status":"busy"}]}})");
        return rules();
    };
    CHECK(changed(1, "w", "a@B.c", "2026-11-24T10:00:00Z") == "");
    CHECK(changed(2, "w", "a@b.c", "2026-11-24T10:00:01Z") == "event");
    CHECK(changed(3, "v", "a@b.c", "2026-11-24T10:00:00Z") == "event unasked_event");
    CHECK(changed(4, "w", "b@b.c", "2026-11-24T10:00:00Z") == "event unasked_event unasked_event");
    CHECK(sim.events().size() == 4);
}

TEST_CASE_METHOD(fixture, "an agent that keeps to the protocol breaks no rule", "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    CHECK(wire.sent.at(0).at("type") == "welcome");
    CHECK(wire.sent.at(0).at("ack") == 0);
    auto& c = post("c1", "event.create");
    CHECK(last(wire).at("type") == "command");
    say(s, accepted("c1"));
    say(s, written("c1", 1));
    settle();
    CHECK(last(wire) == json::object{{"type", "ack"}, {"seq", 1}});
    CHECK(c.state == command_state::finished);
    post("c2", "event.get");
    say(s, failed("c2", "event_not_found", "false"));
    say(s,
        R"({"type":"event","seq":2,"event":"event.changed","data":{"event_id":"e1","mailbox":"a@b.c","change":"deleted"}})");
    say(s, R"({"type":"problem","code":"invalid_message","message":"m"})");
    say(s, R"({"type":"goodbye","reason":"shutdown"})");
    sim.closed(s, 1001);
    CHECK(rules() == "");
    CHECK(sim.results().size() == 2);
    CHECK(sim.events().size() == 1);
    CHECK(sim.problems().size() == 1);
}

TEST_CASE_METHOD(fixture, "frames that cannot be are found out", "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    say(s, "nonsense");
    say(s, "[1]");
    say(s, R"({"type":"weather"})");
    say(s, json::serialize(hello()));
    say(s, '"' + std::string(1'048'577, 'x') + '"');
    sim.received(s, "x", frame_format::binary);
    CHECK(rules() == "not_json not_json unknown_type hello frame_too_large not_json binary_frame");
    CHECK(wire.closed == 1003);
}

TEST_CASE_METHOD(fixture, "a first frame other than hello ends the link", "[unit][cloud_sim]")
{
    auto& s = sim.opened(wire, "a1", false);
    CHECK(sim.hello(s, R"({"type":"goodbye","reason":"r"})", frame_format::text) == greeting::rejected);
    CHECK(rules() == "no_hello");
    CHECK(wire.closed == 1008);
}

TEST_CASE_METHOD(fixture, "numbers are not left out, used twice or kept back", "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    for (const auto* id : {"c1", "c2", "c3"}) {
        post(id, "event.create");
        say(s, accepted(id));
    }
    say(s, written("c1", 1));
    say(s, written("c1", 1)); // a repeat: dropped
    CHECK(rules() == "");
    say(s, written("c2", 1));
    say(s, written("c3", 3));
    CHECK(rules() == "seq_reused seq_gap");
    settle();
    const auto store = sim.ledger().at("stores").as_array().at(0).as_object();
    CHECK(store.at("repeats") == 2);
    CHECK(store.at("gaps") == json::array{2});
    CHECK(store.at("ack") == 3);
}

TEST_CASE_METHOD(fixture, "with acks withheld a link that comes back sends everything again, in order",
                 "[unit][cloud_sim]")
{
    behaviour b;
    b.withhold_acks = true;
    sim.behave(b);
    auto& s = connect(wire);
    for (const auto* id : {"c1", "c2", "c3"}) {
        post(id, "event.create");
        say(s, accepted(id));
    }
    say(s, written("c1", 1));
    say(s, written("c2", 2));
    settle();
    CHECK(last(wire).at("type") == "command");
    sim.closed(s, std::nullopt);

    fake_link second, third;
    auto& again = connect(second, 3, 2);
    CHECK(second.sent.at(0).at("ack") == 0);
    say(again, written("c1", 1));
    say(again, written("c3", 3)); // 2 is missing
    CHECK(rules() == "not_resent");
    sim.closed(again, std::nullopt);
    connect(third, 4, 1);
    CHECK(rules() == "not_resent unacked_dropped");
    b.withhold_acks = false;
    sim.behave(b);
    CHECK(last(third) == json::object{{"type", "ack"}, {"seq", 3}});
}

TEST_CASE_METHOD(fixture, "what came late on the link before need not come again once it is acknowledged",
                 "[unit][cloud_sim]")
{
    auto& before = connect(wire);
    post("c1", "event.create");
    post("c2", "event.create");
    say(before, accepted("c1"));
    say(before, accepted("c2"));
    fake_link next;
    auto& s = sim.opened(next, "a1", false);
    REQUIRE(sim.hello(s, json::serialize(hello(3, 2)), frame_format::text) == greeting::welcome);
    settle();
    say(before, written("c1", 1)); // it lay in a buffer
    sim.welcome(s);
    CHECK(last(next).at("ack").as_int64() == 0);
    settle();
    CHECK(last(next).at("type").as_string() == "ack");
    say(s, written("c2", 2));
    CHECK(rules() == "");
}

TEST_CASE_METHOD(fixture, "an old copy of a store is told so and may not go on", "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    post("c1", "event.create");
    say(s, accepted("c1"));
    say(s, written("c1", 1));
    settle();
    sim.closed(s, std::nullopt);
    fake_link copy;
    auto& old = connect(copy, 1, 0);
    CHECK(copy.sent.at(0).at("ack") == 1);
    CHECK(rules() == "");
    say(old, written("c1", 1));
    CHECK(rules() == "old_copy");
}

TEST_CASE_METHOD(fixture, "accepted belongs to a write that was sent, before its result", "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    say(s, accepted("nobody"));
    post("r1", "event.get");
    say(s, accepted("r1"));
    post("w1", "event.create");
    say(s, accepted("w1"));
    say(s, accepted("w1"));
    CHECK(rules() == "unknown_command accepted_no_write accepted_unasked");
    post("w2", "event.create");
    say(s, written("w2", 1));
    say(s, accepted("w2"));
    CHECK(rules() == "unknown_command accepted_no_write accepted_unasked not_accepted accepted_after_result");
}

TEST_CASE_METHOD(fixture, "a result has a seq exactly where it was stored", "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    post("w1", "event.create");
    say(s, failed("w1", "overloaded", "true"));
    CHECK(rules() == "");
    post("w2", "event.create");
    say(s, failed("w2", "conflict", "false"));
    CHECK(rules() == "write_without_seq");
    post("w3", "event.create");
    say(s, accepted("w3"));
    say(s, failed("w3", "policy_denied", "false"));
    CHECK(rules() == "write_without_seq write_without_seq");
    post("r1", "event.get");
    say(s, failed("r1", "event_not_found", "false", R"(,"seq":1)"));
    CHECK(rules() == "write_without_seq write_without_seq read_with_seq");
}

TEST_CASE_METHOD(fixture, "a read's result may be stored where the link was down", "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    post("r1", "event.get");
    sim.closed(s, std::nullopt);
    fake_link second;
    auto& again = connect(second, 2, 1);
    say(again, failed("r1", "event_not_found", "false", R"(,"seq":1)"));
    CHECK(rules() == "");
    say(again, failed("r1", "event_not_found", "false"));
    CHECK(rules() == "answered_twice");
}

TEST_CASE_METHOD(fixture, "results that nobody waits for are found out", "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    say(s, failed("nobody", "conflict", "false"));
    post("r1", "event.get");
    say(s, failed("r1", "event_not_found", "false"));
    say(s, failed("r1", "event_not_found", "false"));
    CHECK(rules() == "unknown_command answered_twice");
}

TEST_CASE_METHOD(fixture, "a finished write that comes again has the result it had", "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    auto& c = post("w1", "event.create");
    say(s, accepted("w1"));
    say(s, written("w1", 1));
    settle();
    sim.send(c, true);
    auto again = written("w1", 1);
    say(s, again); // same seq: its ack was on the way
    again.erase(again.find(R"("seq":1,)"), 8);
    sim.send(c, true);
    say(s, again);
    CHECK(rules() == "");
    sim.send(c, true);
    say(s, failed("w1", "conflict", "false"));
    CHECK(rules() == "different_result");
    say(s, written("w1", 2));
    CHECK(rules() == "different_result second_seq");
}

TEST_CASE_METHOD(fixture, "error codes are used for what they mean", "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    post("u1", "event.destroy");
    say(s, failed("u1", "unsupported_operation", "false"));
    CHECK(rules() == "");
    post("u2", "event.destroy");
    say(s, failed("u2", "invalid_request", "false"));
    post("r1", "event.get");
    say(s, failed("r1", "cancelled", "false"));
    post("r2", "event.get");
    say(s, R"({"type":"result","id":"r2","ok":false,"attempts":2,"took_ms":1,
        "error":{"code":"deadline_exceeded","message":"m","retryable":true}})");
    CHECK(rules() == "unsupported cancelled_unasked deadline_after_try");
    sim.cancel(post("r3", "event.get"));
    CHECK(last(wire) == json::object{{"type", "cancel"}, {"id", "r3"}});
    say(s, failed("r3", "cancelled", "false"));
    CHECK(rules() == "unsupported cancelled_unasked deadline_after_try");
}

TEST_CASE_METHOD(fixture, "what is in a frame is checked as it comes in", "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    post("w1", "event.create");
    say(s, R"({"type":"accepted","id":1})");
    say(s, accepted("w1"));
    say(s,
        R"({"type":"result","id":"w1","seq":1,"ok":true,"output":{"event_id":"e2","item_id":"i","change_key":"k","uid":"u"},"attempts":1,"took_ms":1})");
    say(s, R"({"type":"event","seq":2,"event":"nothing","data":{"mailbox":"a@b.c"}})");
    say(s, R"({"type":"problem","code":"oops","message":"m"})");
    say(s, R"({"type":"goodbye"})");
    CHECK(rules() == "accepted unknown_command output event problem goodbye");
}

TEST_CASE_METHOD(fixture, "a link closes the way the protocol says", "[unit][cloud_sim]")
{
    sim.closed(connect(wire), 1001);
    CHECK(rules() == "no_goodbye");
    fake_link second;
    auto& s = connect(second);
    say(s, R"({"type":"goodbye","reason":"shutdown"})");
    sim.closed(s, 1000);
    CHECK(rules() == "no_goodbye close_code");
    fake_link third, fourth;
    auto& drained = connect(third);
    CHECK(sim.drain(60s));
    CHECK(last(third) == json::object{{"type", "drain"}, {"reconnect_after_ms", 60'000}});
    sim.closed(drained, 1001);
    connect(fourth);
    CHECK(rules() == "no_goodbye close_code drain_delay");
}

TEST_CASE_METHOD(fixture,
                 "a drain that comes behind the welcome may cross the close of a store that takes another id",
                 "[unit][cloud_sim]")
{
    auto& crossed = connect(wire);
    CHECK(sim.drain(60s));
    sim.closed(crossed, 1000);
    CHECK(rules().empty());
    fake_link second;
    auto& seen = connect(second);
    CHECK(sim.drain(60s));
    sim.pinged(seen);
    sim.closed(seen, 1000);
    CHECK(rules() == "close_code");
}

TEST_CASE_METHOD(fixture, "frames before welcome are found out", "[unit][cloud_sim]")
{
    behaviour b;
    b.no_welcome = true;
    sim.behave(b);
    auto& s = sim.opened(wire, "a1", false);
    CHECK(sim.hello(s, json::serialize(hello()), frame_format::text) == greeting::nothing);
    say(s, R"({"type":"goodbye","reason":"r"})");
    CHECK(rules() == "before_welcome");
    CHECK(wire.sent.empty());
}

TEST_CASE_METHOD(fixture, "a second store under one identity is refused, the same one takes over",
                 "[unit][cloud_sim]")
{
    auto& first = connect(wire);
    fake_link same;
    connect(same);
    CHECK(wire.was_cut);
    sim.closed(first, std::nullopt);
    store_id = "1f8fad5b-d9cb-469f-a165-70867728950e";
    fake_link clone;
    connect(clone);
    CHECK(last(clone).at("type") == "reject");
    CHECK(last(clone).at("code") == "duplicate_agent");
    CHECK(clone.closed);
    CHECK_FALSE(same.was_cut);
    CHECK(rules() == "");
}

TEST_CASE_METHOD(fixture, "an agent of another protocol is refused", "[unit][cloud_sim]")
{
    auto& s = sim.opened(wire, "a1", false);
    auto frame = hello();
    frame["protocol"] = 2;
    CHECK(sim.hello(s, json::serialize(frame), frame_format::text) == greeting::rejected);
    CHECK(last(wire).at("code") == "protocol_unsupported");
    CHECK(rules() == "hello");
}

TEST_CASE_METHOD(fixture, "queued commands go out as the window has room", "[unit][cloud_sim]")
{
    for (const auto* id : {"r1", "r2", "r3"})
        post(id, "event.get");
    auto& s = connect(wire);
    CHECK(wire.sent.size() == 3); // welcome, and as many as the window takes
    say(s, failed("r1", "event_not_found", "false"));
    CHECK(last(wire).at("id") == "r3");
    CHECK(sim.find("r3")->state == command_state::sent);
}

TEST_CASE_METHOD(fixture, "an agent that talks but does not ping is found out", "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    time.advance(40s);
    say(s, R"({"type":"problem","code":"invalid_message","message":"m"})");
    sim.pinged(s);
    time.advance(40s);
    say(s, R"({"type":"problem","code":"invalid_message","message":"m"})");
    CHECK(rules() == "");
    time.advance(3s);
    say(s, R"({"type":"problem","code":"invalid_message","message":"m"})");
    CHECK(rules() == "no_ping");
}
