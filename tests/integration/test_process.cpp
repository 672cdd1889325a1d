// The process: how it starts, refuses to, is killed, drains, and takes a new configuration into use.
#include "tests/integration/scenario.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

using namespace relay::test;

namespace {

ended run(std::vector<std::string> arguments)
{
    return run_to_end(relay_program(), std::move(arguments));
}

world_options without_agent(configuration config = {})
{
    return {.config = std::move(config),
            .exchange_arguments = {},
            .cloud_arguments = {},
            .environment = {},
            .start_agent = false};
}

auto lines(const std::string& text)
{
    return std::count(text.begin(), text.end(), '\n');
}

} // namespace

TEST_CASE("help and version stand on every level", "[integration]")
{
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--help"},
                                                      {"run", "--help"},
                                                      {"enroll", "--help"},
                                                      {"status", "--help"},
                                                      {"config", "--help"},
                                                      {"config", "check", "--help"},
                                                      {"policy", "test", "--help"}}) {
        const auto e = run(arguments);
        CHECK(e.code == 0);
        CHECK(e.err.empty());
        CHECK_THAT(e.out, Catch::Contains("Usage"));
    }
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"--version"}, {"run", "--version"}}) {
        const auto e = run(arguments);
        CHECK(e.code == 0);
        CHECK_THAT(e.out, Catch::StartsWith("workestra-relay "));
    }
}

TEST_CASE("a mistake in usage is one line on standard error and exit 2", "[integration]")
{
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                      {"fly"},
                                                      {"run", "--confg", "x"},
                                                      {"config"},
                                                      {"run", "--config"},
                                                      {"enroll", "--token", "t"},
                                                      {"status", "--jsn"},
                                                      {"run", "more"}}) {
        const auto e = run(arguments);
        INFO(e.err);
        CHECK(e.code == 2);
        CHECK(e.out.empty());
        CHECK(lines(e.err) == 1);
        CHECK_THAT(e.err, Catch::StartsWith("workestra-relay: ") && Catch::Contains("--help"));
    }
    CHECK_THAT(run({"statsu"}).err, Catch::Contains("no such command"));
}

TEST_CASE("config check tells every mistake at once, with line and key", "[integration]")
{
    scenario w(without_agent());
    CHECK(run({"config", "check", "--config", w.config_file().string()}).code == 0);

    const auto bad = w.folder() / "bad.toml";
    std::ofstream(bad)
        << "[cloud]\nurl = \"http://x\"\n[exchange]\nurll = \"https://x\"\nmax_connections = 0\n";
    const auto e = run({"config", "check", "--config", bad.string()});
    INFO(e.err);
    CHECK(e.code == 1);
    CHECK_THAT(e.err, Catch::Contains("bad.toml:2: cloud.url") &&
                          Catch::Contains("bad.toml:4: exchange.urll") &&
                          Catch::Contains("did you mean exchange.url") &&
                          Catch::Contains("bad.toml:5: exchange.max_connections"));
}

TEST_CASE("the agent refuses to start on a bad configuration and says why", "[integration]")
{
    scenario w(without_agent());
    const auto refused = [&](const configuration& c, std::string_view why) {
        w.configure(c);
        const auto e = run({"run", "--config", w.config_file().string()});
        INFO(e.err);
        CHECK(e.code == 1);
        CHECK_THAT(e.err, Catch::Contains(std::string(why)));
    };
    refused({{"exchange.url", "'http://127.0.0.1/EWS'"}}, "exchange.url");
    refused({{"exchange.auth", "'digest'"}}, "exchange.auth");
    refused({{"status.listen", "'0.0.0.0:9480'"}}, "status.listen");
    refused({{"cloud.certificate_file", "'/nowhere/agent.crt'"}}, "/nowhere/agent.crt");
    refused({{"cloud.private_key_file", "'" + (development_pki() / "agent-2.key").string() + "'"}}, "key");
    refused({{"log.file", "'/nowhere/at/all.log'"}}, "log.file");
    const auto missing = run({"run", "--config", "/nowhere/agent.toml"});
    CHECK(missing.code == 1);
    CHECK_THAT(missing.err, Catch::Contains("/nowhere/agent.toml"));

    fs::permissions(w.folder() / "exchange.password", fs::perms(0644));
    refused({}, "0600");
}

TEST_CASE("a data folder that cannot be used is a refusal to start, in plain words", "[integration]")
{
    scenario w(without_agent());
    std::ofstream(w.folder() / "file") << "x";
    w.configure({{"agent.data_dir", "'" + (w.folder() / "file" / "data").string() + "'"}});
    const auto e = run({"run", "--config", w.config_file().string()});
    INFO(e.err);
    CHECK(e.code == 1);
    CHECK_THAT(e.err, Catch::Contains("data"));
}

TEST_CASE("a second agent on one data folder is refused, and the first goes on", "[integration]")
{
    scenario w;
    const auto e = run({"run", "--config", w.config_file().string()});
    INFO(e.err);
    CHECK(e.code == 1);
    CHECK_THAT(e.err, Catch::Contains("another agent"));
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
}

TEST_CASE("an agent killed before Exchange answered books once, with one set of invitations", "[integration]")
{
    scenario w;
    for (const char* when : {"before", "after"}) {
        const bool before = std::string_view(when) == "before";
        w.faults({fault("CreateItem", when, "delay", {{"ms", 1200}})});
        const auto done = w.requests("CreateItem");
        const auto id = w.send("event.create", host, booking(std::string("b-") + when));
        REQUIRE(eventually([&] { return w.requests("CreateItem") == done + 1; }));
        w.kill_agent();
        w.start_agent();
        const auto r = w.result(id, 60s);
        INFO(when << ": " << described(r));
        CHECK(outcome(r) == "ok");
        const int bookings = before ? 1 : 2;
        CHECK(w.ledger() == tally{.creates = bookings, .invitations = 2 * bookings});
    }
}

TEST_CASE("an agent killed again and again delivers everything once", "[integration]")
{
    scenario w;
    // So that there is a middle to be killed in.
    w.faults({fault("CreateItem", "before", "delay", {{"ms", 100}}, 0)});
    std::vector<std::string> ids;
    for (const auto* doing : {"CreateItem", "FindItem", "CreateItem", "FindItem"}) {
        const auto before = w.requests(doing);
        for (int i = 0; i < 10; ++i)
            ids.push_back(w.send("event.create", host, booking("b-" + std::to_string(ids.size()))));
        REQUIRE(eventually([&] { return w.requests(doing) > before; }, 30s));
        w.kill_agent();
        w.start_agent();
    }
    // What a killed agent had not accepted yet is sent again; so is what it had, which changes nothing.
    REQUIRE(eventually([&] { return w.connected(); }, 30s));
    for (const auto& id : ids)
        w.cloud().post("/commands/" + id + "/redeliver");
    for (const auto& id : ids) {
        const auto r = w.result(id, 90s);
        INFO(described(r));
        CHECK(outcome(r) == "ok");
    }
    CHECK(w.ledger() == tally{.creates = 40, .invitations = 80});
    CHECK(json::serialize(at(w.cloud().get("/ledger"), "/stores/0/gaps")) == "[]");
}

TEST_CASE("results that are owed survive a restart", "[integration]")
{
    scenario w;
    w.faults({fault("CreateItem", "before", "delay", {{"ms", 500}}, 0)});
    const auto id = w.send("event.create", host, booking("b-1"));
    REQUIRE(w.accepted(id));
    w.stop_cloud();
    REQUIRE(eventually([&] {
        return w.ledger().creates == 1 && at(w.exchange().get("/stats"), "/in_flight").to_number<int>() == 0;
    }));
    w.kill_agent();
    w.start_cloud();
    w.start_agent();
    CHECK(outcome(w.result(id, 60s)) == "ok");
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("SIGTERM drains: what runs is finished and delivered, goodbye is said, exit 0", "[integration]")
{
    scenario w;
    w.faults({fault("CreateItem", "before", "delay", {{"ms", 800}})});
    const auto id = w.send("event.create", host, booking("b-1"));
    REQUIRE(eventually([&] { return w.requests("CreateItem") == 1; }));
    CHECK(w.stop_agent() == 0);
    CHECK(outcome(w.result(id, 1s)) == "ok");
    const auto agents = w.cloud().get("/agents");
    CHECK(text_at(agents, "/0/goodbye") == "shutdown");
    CHECK(at(agents, "/0/close_code").to_number<int>() == 1001);
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("a drain ends when its time is up, and the rest is done after the next start", "[integration]")
{
    scenario w({.config = {{"agent.drain_timeout_s", "1"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    w.faults({fault("CreateItem", "after", "delay", {{"ms", 3500}})});
    const auto id = w.send("event.create", host, booking("b-1"));
    REQUIRE(eventually([&] { return w.requests("CreateItem") == 1; }));
    w.agent().signal(SIGTERM);
    CHECK(w.agent().wait(6s * slowness()) == 0);
    w.start_agent();
    CHECK(outcome(w.result(id, 60s)) == "ok");
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("a second signal ends the agent at once", "[integration]")
{
    scenario w({.config = {{"agent.drain_timeout_s", "60"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    w.faults({fault("CreateItem", "before", "hang")});
    const auto id = w.send("event.create", host, booking("b-1"));
    REQUIRE(eventually([&] { return w.requests("CreateItem") == 1; }));
    w.agent().signal(SIGTERM);
    REQUIRE(eventually([&] { return text_at(w.cloud().get("/agents"), "/0/goodbye") == "shutdown"; }));
    CHECK(w.agent().running());
    w.agent().signal(SIGINT);
    CHECK(w.agent().wait(8s * slowness()) == 0);
}

TEST_CASE("SIGTERM while the cloud is away ends the agent as well", "[integration]")
{
    scenario w(without_agent());
    w.stop_cloud();
    w.start_agent();
    REQUIRE(eventually([&] { return w.agent_log().find("no link to the cloud") != std::string::npos; }));
    CHECK(w.stop_agent() == 0);
    w.start_cloud();
}

TEST_CASE("SIGHUP takes a good configuration into use and keeps the old one for a bad one", "[integration]")
{
    scenario w;
    // A reload introduces the agent anew: hello tells what policy allows.
    const auto sessions = [&](std::size_t n) {
        return w.cloud().get("/agents").as_array().size() == n && w.connected();
    };
    w.configure({{"policy.deny_mailboxes", "['host@corp.example']"}});
    w.agent().signal(SIGHUP);
    REQUIRE(eventually([&] { return sessions(2); }));
    CHECK(outcome(w.call("mailbox.verify", host, {})) == "policy_denied");

    std::ofstream(w.config_file(), std::ios::app) << "[nonsense]\nx = 1\n";
    w.agent().signal(SIGHUP);
    REQUIRE(eventually([&] { return w.agent_log().find("not reloaded") != std::string::npos; }));
    CHECK(w.agent_log().find("nonsense") != std::string::npos);
    CHECK(outcome(w.call("mailbox.verify", host, {})) == "policy_denied");

    w.configure();
    w.agent().signal(SIGHUP);
    REQUIRE(eventually([&] { return sessions(3); }));
    CHECK(outcome(w.call("mailbox.verify", host, {})) == "ok");
}

TEST_CASE("logs are JSON lines where that is asked for", "[integration]")
{
    scenario w({.config = {{"log.format", "'json'"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
    REQUIRE(w.stop_agent() == 0);
    std::istringstream log(w.agent_log());
    int count = 0;
    for (std::string line; std::getline(log, line); ++count)
        CHECK(boost::json::parse(line).as_object().contains("message"));
    CHECK(count > 2);
}

TEST_CASE("settings can come from the environment", "[integration]")
{
    scenario w({.config = {{"agent.name", ""}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {{"WORKESTRA_RELAY_AGENT_NAME", "from the environment"}}});
    CHECK(text_at(w.cloud().get("/agents"), "/0/hello/agent/name") == "from the environment");
}

TEST_CASE("`service` says which call of systemctl does the same, and does not pass for having done it",
          "[integration]")
{
    const std::map<std::string, std::string> calls{{"install", "systemctl enable --now workestra-relay"},
                                                   {"uninstall", "systemctl disable --now workestra-relay"},
                                                   {"start", "systemctl start workestra-relay"},
                                                   {"stop", "systemctl stop workestra-relay"},
                                                   {"status", "systemctl status workestra-relay"}};
    for (const auto& [name, call] : calls) {
        const auto e = run({"service", name});
        CHECK(e.code == 1);
        CHECK(e.out.empty());
        CHECK_THAT(e.err, Catch::Contains(call + "\n"));
        CHECK(lines(e.err) == 1);
    }
    CHECK(run({"service"}).code == 2);
    CHECK(run({"service", "restart"}).code == 2);
}
