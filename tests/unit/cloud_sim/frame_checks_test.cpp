#include "tests/stand_ins/cloud/frame_checks.hpp"
#include "tests/stand_ins/cloud/output_checks.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <catch2/catch.hpp>

using namespace relay::cloud_sim;

namespace {

json::object object(std::string_view text)
{
    return json::parse(text).as_object();
}

using check = void (*)(const json::object&, findings&);

// `frame` with the value at `key` replaced ("" removes it): how many findings.
std::size_t count(check one, std::string_view frame, std::string_view key = {}, std::string_view value = {})
{
    auto o = object(frame);
    if (!key.empty() && value.empty())
        o.erase(key);
    else if (!key.empty())
        o[key] = json::parse(value);
    findings found;
    one(o, found);
    return found.size();
}

void hello_of_a1(const json::object& o, findings& found)
{
    check_hello(o, "a1", found);
}

constexpr auto hello =
    R"({"type":"hello","protocol":1,"agent":{"id":"a1","name":"n","version":"1","os":"linux","host":"h"},
    "store":{"id":"0f8fad5b-d9cb-469f-a165-70867728950e","next_seq":3,"unacked":2},
    "operations":["event.create","event.get"],"window":64})";
constexpr auto good =
    R"({"type":"result","id":"c-1","seq":4,"ok":true,"output":{},"attempts":1,"took_ms":3})";
constexpr auto bad = R"({"type":"result","id":"c-1","ok":false,"attempts":1,"took_ms":3,
    "error":{"code":"conflict","message":"m","retryable":false}})";

std::size_t count_output(std::string_view op, std::string_view params, std::string_view output)
{
    findings found;
    check_output(op, "User1@corp.example", object(params), object(output), found);
    return found.size();
}

} // namespace

TEST_CASE("a hello that is not what the protocol says is found out", "[unit][cloud_sim]")
{
    CHECK(count(hello_of_a1, hello) == 0);
    CHECK(count(hello_of_a1, hello, "unknown_field", "1") == 0);
    CHECK(count(hello_of_a1, hello, "protocol", "2") == 1);
    CHECK(count(hello_of_a1, hello, "protocol", "\"1\"") == 1);
    CHECK(count(hello_of_a1, hello, "agent") == 1);
    CHECK(count(hello_of_a1, hello, "agent",
                R"({"id":"a2","name":"n","version":"1","os":"linux","host":"h"})") == 1);
    CHECK(count(hello_of_a1, hello, "agent", R"({"id":"a1","name":"n"})") == 3);
    CHECK(count(hello_of_a1, hello, "store", R"({"id":"x","next_seq":0,"unacked":-1})") == 3);
    CHECK(count(hello_of_a1, hello, "store",
                R"({"id":"0f8fad5b-d9cb-469f-a165-70867728950e","next_seq":3,"unacked":3})") == 1);
    CHECK(count(hello_of_a1, hello, "operations", R"(["event.create","event.create","event.destroy",1])") ==
          3);
    CHECK(count(hello_of_a1, hello, "window", "0") == 1);
}

TEST_CASE("a result of the wrong shape is found out", "[unit][cloud_sim]")
{
    CHECK(count(check_result, good) == 0);
    CHECK(count(check_result, bad) == 0);
    CHECK(count(check_result, good, "id", "\"a b\"") == 1);
    CHECK(count(check_result, good, "seq", "0") == 1);
    CHECK(count(check_result, good, "seq", "1.5") == 1);
    CHECK(count(check_result, good, "output") == 1);
    CHECK(count(check_result, good, "ok", "1") == 1);
    CHECK(count(check_result, good, "error", "{}") == 1);
    CHECK(count(check_result, good, "attempts") == 1);
    CHECK(count(check_result, good, "took_ms", "-1") == 1);
    CHECK(count(check_result, bad, "error") == 1);
    CHECK(count(check_result, bad, "output", "{}") == 1);
    CHECK(count(check_result, bad, "error", R"({"code":"conflict","message":"m","retryable":true})") == 1);
    CHECK(count(check_result, bad, "error", R"({"code":"broken","message":"m","retryable":true})") == 1);
    CHECK(count(check_result, bad, "error", R"({"message":"m"})") == 2);
    CHECK(count(check_result, bad, "error", R"({"code":"exchange_error","message":"m","retryable":false})") ==
          1);
    CHECK(count(check_result, bad, "error", R"({"code":"cancelled","message":"m","retryable":false})") == 1);
}

TEST_CASE("events, problems, goodbyes and accepted are held to their fields", "[unit][cloud_sim]")
{
    constexpr auto changed =
        R"({"type":"event","seq":2,"event":"availability.changed","data":{"watch_id":"w","mailbox":"a@b.c",
        "as_of":"2026-11-22T10:00:00Z","busy":[{"start":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z","status":"busy"}]}})";
    CHECK(count(check_event, changed) == 0);
    CHECK(count(check_event, changed, "seq") == 1);
    CHECK(count(check_event, changed, "event", "\"sun.rises\"") == 1);
    CHECK(count(check_event, changed, "data",
                R"({"watch_id":"w","mailbox":"a@b.c","as_of":"2026-11-22T10:00:00Z"})") == 1);
    CHECK(count(check_event, changed, "data",
                R"({"watch_id":"w","mailbox":"a@b.c","as_of":"2026-11-22T10:00:00+01:00","busy":[]})") == 1);
    CHECK(count(check_event,
                R"({"type":"event","seq":2,"event":"event.changed","data":{"event_id":"e","mailbox":"a@b.c",
        "change":"deleted"}})") == 0);
    CHECK(count(check_event,
                R"({"type":"event","seq":2,"event":"event.changed","data":{"event_id":"e","mailbox":"a@b.c",
        "change":"moved","start":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z","responses":[{"email":"x@y.z","response":"maybe"}]}})") ==
          1);
    CHECK(count(check_problem, R"({"type":"problem","code":"invalid_message","message":"m"})") == 0);
    CHECK(count(check_problem, R"({"type":"problem","code":"oops"})") == 2);
    CHECK(count(check_goodbye, R"({"type":"goodbye","reason":"shutdown"})") == 0);
    CHECK(count(check_goodbye, R"({"type":"goodbye"})") == 1);
    CHECK(count(check_accepted, R"({"type":"accepted"})") == 1);
}

TEST_CASE("availability is held to the window, the order and the merging of periods", "[unit][cloud_sim]")
{
    constexpr auto params =
        R"({"mailboxes":["A@b.c","d@e.f"],"start":"2026-11-22T10:00:00+01:00","end":"2026-11-22T18:00:00Z"})";
    const auto with_busy = [&](std::string_view busy) {
        return count_output(
            "availability.get", params,
            R"({"mailboxes":[{"mailbox":"a@b.c","ok":true,"busy":)" + std::string(busy) +
                R"(},{"mailbox":"d@e.f","ok":false,"error":{"code":"mailbox_not_found","message":"m","retryable":false}}]})");
    };
    CHECK(with_busy("[]") == 0);
    CHECK(with_busy(R"([{"start":"2026-11-22T09:00:00Z","end":"2026-11-22T10:00:00Z","status":"busy"},
        {"start":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z","status":"oof"}])") == 0);
    CHECK(with_busy(R"([{"start":"2026-11-22T09:00:00Z","end":"2026-11-22T10:00:00Z","status":"busy"},
        {"start":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z","status":"busy"}])") == 1);
    CHECK(with_busy(R"([{"start":"2026-11-22T12:00:00Z","end":"2026-11-22T13:00:00Z","status":"oof"},
        {"start":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z","status":"busy"}])") == 1);
    CHECK(with_busy(R"([{"start":"2026-11-22T08:00:00Z","end":"2026-11-22T10:00:00Z","status":"busy"}])") ==
          1);
    CHECK(with_busy(R"([{"start":"2026-11-22T10:00:00Z","end":"2026-11-22T10:00:00Z","status":"free"}])") ==
          2);
    CHECK(count_output("availability.get", params,
                       R"({"mailboxes":[{"mailbox":"d@e.f","ok":true,"busy":[]}]})") == 2);
}

TEST_CASE("outputs of the other operations are held to what was asked", "[unit][cloud_sim]")
{
    constexpr auto event = R"({"event_id":"e1"})";
    CHECK(count_output("event.create", event,
                       R"({"event_id":"e1","item_id":"i","change_key":"k","uid":"u"})") == 0);
    CHECK(count_output("event.create", event, R"({"event_id":"E1","item_id":"","change_key":"k"})") == 3);
    CHECK(count_output("event.update", event,
                       R"({"event_id":"e1","item_id":"i","change_key":"k","uid":"u"})") == 0);
    CHECK(count_output("event.cancel", event, R"({"event_id":"e1","existed":true})") == 0);
    CHECK(count_output("event.cancel", event, R"({"event_id":"e1"})") == 1);
    CHECK(count_output("event.get", event, R"({"event_id":"e1","subject":"s","start":"2026-11-22T10:00:00Z",
        "end":"2026-11-22T11:00:00Z","show_as":"busy","responses":[]})") == 0);
    CHECK(count_output("event.get", event,
                       R"({"event_id":"e1","subject":"s","start":"2026-11-22T10:00:00+01:00",
        "end":"2026-11-22T11:00:00Z","show_as":"here","attendees":[{"email":"a@b.c","role":"guest"}],"responses":[]})") ==
          3);
    CHECK(count_output("mailbox.verify", "{}", R"({"mailbox":"user1@corp.example","display_name":""})") == 0);
    CHECK(count_output("mailbox.verify", "{}", R"({"mailbox":"user2@corp.example"})") == 2);
    CHECK(count_output("connection.test", "{}",
                       R"({"server":{"version":"15.2.1118.7","product":"Exchange 2019"},
        "account":{"name":"n","email":"e"},"latency_ms":3})") == 0);
    CHECK(count_output("connection.test", "{}", R"({"server":{},"latency_ms":"3"})") == 4);
    CHECK(count_output("availability.watch", R"({"watch_id":"w","mailboxes":["a@b.c"]})",
                       R"({"watch_id":"w","mailboxes":1})") == 0);
    CHECK(count_output("availability.watch", R"({"watch_id":"w","mailboxes":["a@b.c"]})",
                       R"({"watch_id":"w","mailboxes":2})") == 1);
    CHECK(count_output("availability.unwatch", "{}", R"({"existed":1})") == 1);
    CHECK(count_output("agent.diagnose", "{}",
                       R"({"ok":true,"checks":[{"name":"n","ok":true,"message":"","advice":""}]})") == 0);
    CHECK(count_output("agent.diagnose", "{}", R"({"ok":true,"checks":[1,{"name":"n"}]})") == 4);
}
