// What a cloud that is broken or hostile may send.
#include "tests/integration/scenario.hpp"

using namespace relay::test;

namespace {

int problems(scenario& w)
{
    return static_cast<int>(w.cloud().get("/problems").as_array().size());
}

int sessions(scenario& w)
{
    return static_cast<int>(w.cloud().get("/agents").as_array().size());
}

} // namespace

TEST_CASE("a frame that is no message is answered with a problem, and the link stays up", "[integration]")
{
    scenario w;
    const std::vector<std::string> frames{
        "garbage",
        "{",
        "[]",
        "null",
        "\"x\"",
        "{}",
        R"({"type":7})",
        R"({"type":"command"})",
        R"({"type":"command","id":5,"op":"event.get"})",
        R"({"type":"ack","seq":"many"})",
        R"({"type":"cancel"})",
        R"({"type":"command","id":"c-1","op":"connection.test","params":{"a":"\ud800"}})",
        std::string(5000, '[')};
    for (const auto& text : frames)
        w.cloud().post("/raw", {{"text", text}});
    CHECK(eventually([&] { return problems(w) == static_cast<int>(frames.size()); }));
    w.cloud().post("/raw", {{"text", R"({"type":"from.the.future","x":1})"}}); // ignored
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
    CHECK(problems(w) == static_cast<int>(frames.size()));
    CHECK(sessions(w) == 1);
}

TEST_CASE("a problem names the command it is about", "[integration]")
{
    scenario w;
    w.cloud().post("/raw", {{"text", R"({"type":"command","id":"c-77","op":3})"}});
    REQUIRE(eventually([&] { return problems(w) == 1; }));
    CHECK_THAT(json::serialize(w.cloud().get("/problems")),
               Catch::Contains("c-77") && Catch::Contains("invalid_message"));
}

TEST_CASE("a binary frame closes the link with 1003, and the agent comes back", "[integration]")
{
    scenario w;
    w.cloud().post("/raw", {{"binary_base64", "AAEC"}});
    REQUIRE(eventually([&] { return sessions(w) == 2 && w.connected(); }));
    CHECK(text_at(w.cloud().get("/agents"), "/1/close_code") == "1003");
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
}

TEST_CASE("an oversize frame closes the link with 1009, and the agent comes back", "[integration]")
{
    scenario w({.config = {},
                .exchange_arguments = {},
                .cloud_arguments = {"--max-message-bytes", "65536"},
                .environment = {}});
    const auto before = w.agent().resident_bytes();
    const auto padded = [](std::size_t bytes) {
        return R"({"type":"x","pad":")" + std::string(bytes, 'x') + "\"}";
    };
    w.cloud().post("/raw", {{"text", padded(100'000)}});
    REQUIRE(eventually([&] { return sessions(w) == 2 && w.connected(); }));
    CHECK(text_at(w.cloud().get("/agents"), "/1/close_code") == "1009");
    // So much that the cloud is still sending when the agent closes.
    w.cloud().post("/raw", {{"text", padded(20'000'000)}});
    REQUIRE(eventually([&] { return sessions(w) == 3 && w.connected(); }));
    INFO(json::serialize(w.cloud().get("/agents")) << w.agent_log_tail());
    CHECK(eventually([&] { return text_at(w.cloud().get("/agents"), "/1/close_code") == "1009"; }));
    CHECK(w.agent().resident_bytes() < before + 8'000'000 * static_cast<std::size_t>(slowness()));
}

TEST_CASE("a result over the limit becomes result_too_large", "[integration]")
{
    scenario w({.config = {},
                .exchange_arguments = {},
                .cloud_arguments = {"--max-message-bytes", "4096"},
                .environment = {}});
    auto params = booking("b-1");
    params["body"] = {{"format", "text"}, {"content", std::string(3400, 'x')}};
    REQUIRE(outcome(w.call("event.create", host, params)) == "ok");
    REQUIRE(outcome(w.call("event.update", host,
                           {{"event_id", "b-1"}, {"set", {{"location", std::string(250, '"')}}}})) == "ok");
    CHECK(outcome(w.call("event.get", host, {{"event_id", "b-1"}})) == "result_too_large");
}

TEST_CASE("beyond the window commands are answered overloaded and not stored", "[integration]")
{
    scenario w;
    // Longer than it takes to post them all, on a machine that is busy too.
    w.faults({fault("GetUserAvailability", "before", "delay", {{"ms", 2500}}, 0)});
    // Raw, as cloud-sim itself never sends more than the window takes.
    for (int i = 0; i < 80; ++i)
        w.cloud().post(
            "/raw", {{"text", R"({"type":"command","id":"w-)" + std::to_string(i) +
                                  R"(","op":"availability.get","params":{"mailboxes":["user1@corp.example"],)"
                                  R"("start":"2026-12-01T00:00:00Z","end":"2026-12-02T00:00:00Z"}})"}});
    REQUIRE(eventually([&] { return w.cloud().get("/results").as_array().size() == 80; }, 30s));
    const auto results = w.cloud().get("/results");
    CHECK(std::ranges::count_if(results.as_array(),
                                [](const auto& r) { return outcome(r.as_object()) == "overloaded"; }) == 16);
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
}

TEST_CASE("the same id with other content is answered with id_reused and nothing else happens",
          "[integration]")
{
    scenario w;
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"), {{"id", "one"}})) == "ok");
    w.cloud().post(
        "/raw",
        {{"text",
          R"({"type":"command","id":"one","op":"event.cancel","mailbox":"host@corp.example","params":{"event_id":"b-1"}})"}});
    REQUIRE(eventually([&] { return problems(w) == 1; }));
    CHECK_THAT(json::serialize(w.cloud().get("/problems")), Catch::Contains("id_reused"));
    w.cloud().post(
        "/raw",
        {{"text",
          R"({"type":"command","id":"one","op":"event.get","mailbox":"host@corp.example","params":{"event_id":"b-1"}})"}});
    REQUIRE(eventually([&] { return problems(w) == 2; }));
    REQUIRE(outcome(w.call("connection.test", "", {})) == "ok"); // what came before it has been answered
    CHECK(w.record("one").at("results").to_number<int>() == 1);
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("a finished write that is sent again is answered from the store", "[integration]")
{
    scenario w;
    const auto first = w.call("event.create", host, booking("b-1"), {{"id", "one"}});
    REQUIRE(outcome(first) == "ok");
    w.cloud().post("/commands/one/redeliver");
    REQUIRE(eventually([&] { return w.record("one").at("results").to_number<int>() == 2; }));
    CHECK(at(w.result("one"), "/output") == at(first, "/output"));
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("a command that is cancelled before it began ends cancelled, a running one goes on",
          "[integration]")
{
    scenario w;
    w.faults({fault("CreateItem", "before", "delay", {{"ms", 1000}})});
    const auto running = w.send("event.create", host, booking("b-1"));
    const auto waiting = w.send("event.cancel", host, {{"event_id", "b-1"}});
    REQUIRE(eventually([&] { return w.requests("CreateItem") == 1; }));
    REQUIRE(w.accepted(waiting));
    w.cloud().post("/commands/" + waiting + "/cancel");
    w.cloud().post("/commands/" + running + "/cancel");
    CHECK(outcome(w.result(running)) == "ok");
    CHECK(outcome(w.result(waiting)) == "cancelled");
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}
