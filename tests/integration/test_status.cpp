// What the running agent tells of itself: the local HTTP and the `status` command (INTERFACE.md).
#include "tests/integration/status_page.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json/parse.hpp>

#include <csignal>
#include <fstream>

using namespace relay::test;

namespace {

// `status`, with a configuration that differs in where it asks.
ended ask_status(relay_world& w, const std::string& listen, const std::vector<std::string>& more = {})
{
    const auto file = w.folder() / "status.toml";
    std::ofstream(file) << "[agent]\ndata_dir = '" << w.data_folder().string() << "'\n[status]\nlisten = '"
                        << listen << "'\n";
    std::vector<std::string> arguments{"status", "--config", file.string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_to_end(relay_program(), std::move(arguments));
}

std::string local(std::uint16_t port)
{
    return "127.0.0.1:" + std::to_string(port);
}

// Every field of INTERFACE.md is there with its type; null where it says nothing yet.
void check_document(const json::value& d)
{
    using kind = json::kind;
    const auto number = [](const json::value& v) { return v.is_int64() || v.is_uint64(); };
    const auto has = [&](const char* pointer, kind k, bool may_be_null = false) {
        INFO(pointer << " of " << json::serialize(d));
        const auto v = at(d, pointer);
        CHECK(((may_be_null && v.is_null()) || v.kind() == k || (k == kind::int64 && number(v))));
    };
    for (const char* text : {"/agent/id", "/agent/name", "/agent/version", "/agent/started_at", "/link/state",
                             "/link/since", "/link/url", "/exchange/state", "/exchange/since",
                             "/certificate/subject", "/certificate/not_after"})
        has(text, kind::string);
    for (const char* text :
         {"/link/session", "/link/last_error", "/exchange/version", "/exchange/last_error"})
        has(text, kind::string, true);
    for (const char* count :
         {"/link/reconnects", "/exchange/in_flight", "/queue/commands", "/queue/results_unacked",
          "/queue/bytes", "/certificate/days_left", "/watches/count", "/watches/mailboxes"})
        has(count, kind::int64);
    for (const char* count : {"/link/rtt_ms", "/queue/oldest_s"})
        has(count, kind::int64, true);
}

} // namespace

TEST_CASE("the status document tells what the agent is and how it does", "[integration]")
{
    scenario w(with_page());
    const page p(w);
    REQUIRE(outcome(w.call("connection.test", "", {})) == "ok");
    const auto d = p.status();
    check_document(d);
    CHECK(text_at(d, "/agent/id") == "agent-1");
    CHECK(text_at(d, "/agent/name") == "test");
    CHECK(text_at(d, "/link/state") == "connected");
    CHECK(text_at(d, "/link/url") == w.cloud_url());
    CHECK(text_at(d, "/link/session") == text_at(w.cloud().get("/agents"), "/0/session"));
    CHECK(text_at(d, "/exchange/state") == "ok");
    CHECK(text_at(d, "/exchange/version") == "15.2.1118.7");
    CHECK(text_at(d, "/certificate/subject").find("agent-1") != std::string::npos);
    CHECK(at(d, "/certificate/days_left").to_number<int>() > 0);
    CHECK(at(d, "/queue/bytes").to_number<int>() > 0);
    CHECK(json::serialize(at(d, "/watches")) == R"({"count":0,"mailboxes":0})");
}

TEST_CASE("work under way shows in the status: requests in flight, commands in the queue", "[integration]")
{
    scenario w(with_page());
    const page p(w);
    w.cloud().put("/behaviour", {{"withhold_acks", true}});
    w.faults({fault("CreateItem", "before", "delay", {{"ms", 2500}})});
    const auto id = w.send("event.create", host, booking("b-1"));
    REQUIRE(eventually([&] { return w.requests("CreateItem") == 1; }));
    CHECK(eventually([&] {
        const auto d = p.status();
        return at(d, "/exchange/in_flight").to_number<int>() == 1 &&
               at(d, "/queue/commands").to_number<int>() == 1;
    }));
    CHECK(outcome(w.result(id)) == "ok");
    CHECK(eventually([&] {
        const auto d = p.status();
        return at(d, "/queue/commands").to_number<int>() == 0 &&
               at(d, "/queue/results_unacked").to_number<int>() == 1;
    }));
    w.cloud().put("/behaviour", {{"withhold_acks", false}});
}

TEST_CASE("readiness goes with the link and with Exchange", "[integration]")
{
    scenario w(with_page());
    const page p(w);
    CHECK(eventually([&] { return p.ready(); }));
    w.stop_cloud();
    REQUIRE(eventually([&] { return !p.ready(); }));
    CHECK_THAT(p.ask("/readyz").body, Catch::StartsWith("not ready: the link to the cloud is "));
    CHECK(p.ask("/healthz").status == 200);
    CHECK(p.metric("workestra_relay_link_up") == 0);
    w.start_cloud();
    CHECK(eventually([&] { return p.ready(); }, 60s));
    CHECK(p.metric("workestra_relay_link_up") == 1);
    CHECK(p.metric("workestra_relay_reconnects_total") == 1);

    w.faults({fault("*", "before", "reset", {}, 0)});
    w.send("connection.test", "", {}, {{"ttl_ms", 1500}});
    CHECK(eventually([&] { return p.ask("/readyz").body.starts_with("not ready: Exchange is unreachable"); },
                     20s));
    w.faults({});
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
    CHECK(eventually([&] { return p.ready(); }));
}

TEST_CASE("commands and requests are counted by what became of them", "[integration]")
{
    scenario w(with_page());
    const page p(w);
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "conflict");
    REQUIRE(outcome(w.call("event.cancel", host, {{"event_id", "b-1"}})) == "ok");
    REQUIRE(outcome(w.call("event.create", host, {{"event_id", "b-2"}})) == "invalid_request");
    REQUIRE(outcome(w.call("event.paint", host, {})) == "unsupported_operation");
    const auto count = [&](std::string_view op, std::string_view outcome) {
        return p.metric("workestra_relay_commands_total{op=\"" + std::string(op) + "\",outcome=\"" +
                        std::string(outcome) + "\"}");
    };
    CHECK(count("event.create", "ok") == 1);
    CHECK(count("event.create", "conflict") == 1);
    CHECK(count("event.create", "invalid_request") == 1);
    CHECK(count("event.cancel", "ok") == 1);
    CHECK(count("unknown", "unsupported_operation") == 1);
    CHECK(p.ask("/metrics").body.find("event.paint") == std::string::npos);
    CHECK(p.metric("workestra_relay_command_seconds_count{op=\"event.create\"}") == 2);
    CHECK(p.metric("workestra_relay_exchange_requests_total{operation=\"CreateItem\",outcome=\"ok\"}") == 1);
    CHECK(p.metric("workestra_relay_exchange_request_seconds_count") >= 3);
    CHECK(p.metric("workestra_relay_queue_commands") == 0);
    CHECK(p.metric("workestra_relay_certificate_expiry_timestamp_seconds") > 1.7e9);
    CHECK(p.metric("process_resident_memory_bytes") > 1e6);

    const auto history = boost::json::parse(p.ask("/api/history").body);
    CHECK(at(history, "/last_commands").as_array().size() == 5);
    CHECK(text_at(history, "/last_commands/0/op") == "unknown");
}

TEST_CASE("`status` tells by its exit code whether the agent is connected, cut off, or not there",
          "[integration]")
{
    scenario w(with_page());
    const page p(w);
    auto e = ask_status(w, local(p.port));
    INFO(e.out << e.err);
    CHECK(e.code == 0);
    CHECK(e.err.empty());
    CHECK_THAT(e.out, Catch::Contains("connected since") && Catch::Contains(w.cloud_url()));

    e = ask_status(w, local(p.port), {"--json"});
    CHECK(e.code == 0);
    check_document(boost::json::parse(e.out));

    w.stop_cloud();
    REQUIRE(eventually([&] { return text_at(p.status(), "/link/state") != "connected"; }));
    e = ask_status(w, local(p.port));
    INFO(e.out << e.err);
    CHECK(e.code == 3);
    CHECK_THAT(e.out, Catch::Contains("what to do"));
    CHECK(ask_status(w, local(p.port), {"--json"}).code == 3);
    w.start_cloud();

    REQUIRE(w.stop_agent() == 0);
    e = ask_status(w, local(p.port));
    INFO(e.out << e.err);
    CHECK(e.code == 4);
    CHECK(e.out.empty());
    CHECK_THAT(e.err, Catch::Contains("no agent runs") && Catch::Contains("systemctl start"));
    CHECK(ask_status(w, "").code == 1);
}

TEST_CASE("a port that is taken does not keep the agent from working", "[integration]")
{
    boost::asio::io_context context;
    boost::asio::ip::tcp::acceptor other(context, {boost::asio::ip::address_v4::loopback(), 0});
    const auto port = other.local_endpoint().port();
    scenario w({.config = {{"status.listen", "'" + local(port) + "'"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    CHECK(eventually(
        [&] { return w.agent_log().find("cannot listen on " + local(port)) != std::string::npos; }));
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
}

TEST_CASE("a reload turns the page off and on", "[integration]")
{
    scenario w(with_page());
    const page p(w);
    CHECK(p.ask("/healthz").status == 200);
    w.configure({{"status.listen", "''"}});
    w.agent().signal(SIGHUP);
    CHECK(eventually([&] {
        return relay::status::fetch({"127.0.0.1", p.port}, "/healthz", relay::milliseconds(2'000))
            .has_error();
    }));
    w.configure({{"status.listen", "'" + local(p.port) + "'"}});
    w.agent().signal(SIGHUP);
    CHECK(eventually([&] {
        return relay::status::fetch({"127.0.0.1", p.port}, "/healthz", relay::milliseconds(2'000))
            .has_value();
    }));
}

TEST_CASE("no page shows a password, a subject, a body or an attendee", "[integration]")
{
    scenario w(with_page());
    const page p(w);
    auto params = planted_booking("b-1");
    REQUIRE(outcome(w.call("event.create", host, params)) == "ok");
    params["event_id"] = "b-2";
    w.faults({fault("CreateItem", "before", "reset", {}, 2)});
    CHECK(outcome(w.call("event.create", host, params)) == "ok");
    params["event_id"] = "b-3";
    params["attendees"] = json::array{{{"email", "PlantedNotAnAddress"}}};
    CHECK(outcome(w.call("event.create", host, params)) == "invalid_request");
    CHECK(outcome(w.call("event.PlantedOperation", host, params)) == "unsupported_operation");
    CHECK(outcome(w.call("mailbox.verify", "planted.nobody@corp.example", {})) != "ok");
    CHECK(outcome(w.call("availability.get", "",
                         {{"mailboxes", {"planted.nobody@corp.example", "user1@corp.example"}},
                          {"start", "2026-12-01T00:00:00Z"},
                          {"end", "2026-12-02T00:00:00Z"}})) == "ok");

    std::string seen;
    for (const char* path : {"/", "/status.js", "/status.css", "/api/status", "/api/history", "/metrics",
                             "/healthz", "/readyz", "/nowhere"})
        seen += p.ask(path).body;
    const auto command = ask_status(w, local(p.port));
    seen += command.out + command.err;
    for (const char* planted :
         {"Planted", "planted", "s3cret", "\xc3\xa4pfel", "guest@", "host@corp.example"}) {
        INFO(planted);
        CHECK(seen.find(planted) == seen.npos);
    }
}
