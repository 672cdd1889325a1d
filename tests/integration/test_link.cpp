// The link to the cloud on bad days: cuts, silence, drains, proxies, clouds that are away.
#include "tests/integration/scenario.hpp"

#include "tests/support/connect_proxy.hpp"

#include <csignal>
#include <thread>

using namespace relay::test;

namespace {

std::size_t sessions(scenario& w)
{
    return w.cloud().get("/agents").as_array().size();
}

} // namespace

TEST_CASE("hello says who the agent is and what it can do", "[integration]")
{
    scenario w;
    const auto agents = w.cloud().get("/agents");
    CHECK(text_at(agents, "/0/hello/agent/id") == "agent-1"); // the certificate's common name
    CHECK(text_at(agents, "/0/hello/agent/name") == "test");
    CHECK(text_at(agents, "/0/hello/agent/os") == "linux");
    CHECK(at(agents, "/0/hello/protocol").to_number<int>() == 1);
    CHECK(at(agents, "/0/deflate").as_bool());
    CHECK(at(agents, "/0/hello/operations").as_array().size() == 10);
}

TEST_CASE("a link cut in the middle of a booking costs nothing", "[integration]")
{
    scenario w;
    w.faults({fault("CreateItem", "before", "delay", {{"ms", 700}})});
    const auto id = w.send("event.create", host, booking("b-1"));
    REQUIRE(eventually([&] { return w.requests("CreateItem") == 1; }));
    w.cut_link();
    const auto r = w.result(id);
    INFO(described(r));
    CHECK(outcome(r) == "ok");
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
    CHECK(sessions(w) == 2);
}

TEST_CASE("a read that is ready while the link is down is delivered after it", "[integration]")
{
    scenario w;
    w.faults({fault("GetUserAvailability", "before", "delay", {{"ms", 600}})});
    const auto id = w.send("availability.get", "",
                           {{"mailboxes", {"user1@corp.example"}},
                            {"start", "2026-12-01T00:00:00Z"},
                            {"end", "2026-12-02T00:00:00Z"}});
    REQUIRE(eventually([&] { return w.requests("GetUserAvailability") == 1; }));
    w.stop_cloud();
    REQUIRE(eventually([&] { return at(w.exchange().get("/stats"), "/in_flight").to_number<int>() == 0; }));
    w.start_cloud();
    const auto r = w.result(id, 90s);
    INFO(described(r));
    CHECK(outcome(r) == "ok");
    CHECK(r.contains("seq"));
}

TEST_CASE("a half-open link is noticed within two heartbeats", "[integration]")
{
    scenario w({.config = {},
                .exchange_arguments = {},
                .cloud_arguments = {"--heartbeat-s", "1"},
                .environment = {}});
    w.cloud().put("/behaviour", {{"silent", true}});
    CHECK(eventually(
        [&] { return w.agent_log().find("nothing arrived") != std::string::npos || sessions(w) > 1; }));
    w.cloud().put("/behaviour", {{"silent", false}});
    CHECK(eventually([&] { return sessions(w) > 1 && w.connected(); }, 20s));
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
}

TEST_CASE("results whose acks are withheld are sent again after a reconnect, and dropped by the cloud",
          "[integration]")
{
    scenario w;
    w.cloud().put("/behaviour", {{"withhold_acks", true}});
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i)
        ids.push_back(w.send("event.create", host, booking("b-" + std::to_string(i))));
    for (const auto& id : ids)
        CHECK(outcome(w.result(id)) == "ok");
    w.cloud().put("/behaviour", {{"withhold_acks", false}});
    w.cut_link();
    REQUIRE(eventually([&] { return sessions(w) == 2 && w.connected(); }));
    CHECK(eventually([&] { return at(w.cloud().get("/ledger"), "/stores/0/ack").to_number<int>() == 5; }));
    CHECK(json::serialize(at(w.cloud().get("/ledger"), "/stores/0/gaps")) == "[]");
    CHECK(w.ledger() == tally{.creates = 5, .invitations = 10});
}

TEST_CASE("a cloud that drains gets what is ready, a close, and the agent back after the delay",
          "[integration]")
{
    scenario w;
    const auto id = w.send("event.create", host, booking("b-1"));
    REQUIRE(w.accepted(id));
    w.cloud().post("/link", {{"action", "drain"}, {"reconnect_after_ms", 300}});
    REQUIRE(eventually([&] { return sessions(w) == 2 && w.connected(); }));
    CHECK(at(w.cloud().get("/agents"), "/1/close_code").to_number<int>() == 1001);
    CHECK(outcome(w.result(id)) == "ok");
}

TEST_CASE("an agent that is rejected waits as long as it is told, and says why", "[integration]")
{
    scenario w({.config = {},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {},
                .start_agent = false});
    w.cloud().put("/behaviour",
                  {{"reject", {{"code", "try_later"}, {"message", "maintenance"}, {"retry_after_s", 1}}}});
    w.start_agent();
    REQUIRE(eventually([&] { return w.agent_log().find("maintenance") != std::string::npos; }));
    w.cloud().put("/behaviour", {{"reject", nullptr}});
    w.wait_connected();
}

TEST_CASE("a cloud that does not select the subprotocol, or never says welcome, is left", "[integration]")
{
    scenario w({.config = {},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {},
                .start_agent = false});
    w.cloud().put("/behaviour", {{"no_subprotocol", true}});
    w.start_agent();
    REQUIRE(eventually([&] { return w.agent_log().find("subprotocol") != std::string::npos; }));
    CHECK_FALSE(w.connected());
    w.cloud().put("/behaviour", {{"no_subprotocol", false}});
    w.wait_connected(30s);
}

TEST_CASE("a cloud that comes up later is found", "[integration]")
{
    scenario w;
    const auto id = w.send("event.create", host, booking("b-1"));
    REQUIRE(outcome(w.result(id)) == "ok");
    w.stop_cloud();
    REQUIRE(eventually([&] { return w.agent_log().find("lost the link") != std::string::npos; }));
    w.start_cloud();
    w.wait_connected(60s);
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
}

TEST_CASE("the cloud is reached through a proxy that wants a sign-in", "[integration]")
{
    connect_proxy proxy("joe:p@ss:word");
    const auto url = [&](std::string_view who) {
        return "'http://" + std::string(who) + "127.0.0.1:" + std::to_string(proxy.port()) + "'";
    };
    scenario w({.config = {{"cloud.proxy", url("joe:p%40ss%3Aword@")}, {"cloud.proxy_auth", "['basic']"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    CHECK(proxy.tunnels() == 1);
    CHECK(proxy.refusals() == 0);
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");

    REQUIRE(w.stop_agent() == 0);
    w.configure({{"cloud.proxy", url("joe:wrong@")}, {"cloud.proxy_auth", "['basic']"}});
    w.start_agent();
    CHECK(eventually([&] { return proxy.refusals() > 0; }));
    CHECK(eventually(
        [&] { return w.agent_log().find("refuses the user name or password") != std::string::npos; }));
    CHECK(w.agent_log().find("p@ss") == std::string::npos);
    CHECK(w.agent().running());
}

TEST_CASE("a cloud whose certificate is for somebody else is not spoken to", "[integration]")
{
    const auto pki = development_pki();
    scenario w({.config = {{"cloud.ca_file", "'" + (pki / "other-ca.crt").string() + "'"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {},
                .start_agent = false});
    w.start_agent();
    CHECK(eventually([&] { return w.agent_log().find("certificate") != std::string::npos; }));
    CHECK(sessions(w) == 0);
    CHECK(w.agent().running());
}
