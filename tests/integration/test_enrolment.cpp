// From a token to a link, and on to the next certificate: the real programs and the cloud's desk.
#include "tests/integration/scenario.hpp"

#include <boost/json/parse.hpp>

#include <csignal>
#include <fstream>
#include <iterator>

using namespace relay::test;

namespace {

using Catch::Matchers::Contains;

constexpr std::string_view word = "s3cret-t0ken"; // scenario looks for it in the agent's log

std::string contents(const fs::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// A machine that is not enrolled yet: nothing about the cloud in its configuration but whom to trust.
struct newcomer : scenario {
    newcomer()
        : scenario(
              {.config = {{"cloud.url", ""}, {"cloud.certificate_file", ""}, {"cloud.private_key_file", ""}},
               .exchange_arguments = {},
               .cloud_arguments = {},
               .environment = {},
               .start_agent = false})
    {
    }

    std::string https() const { return "https" + cloud_url().substr(3, cloud_url().rfind("/v1/") - 3); }
    fs::path pki() const { return data_folder() / "pki"; }
    std::string token(json::object more = {})
    {
        more["token"] = std::string(word) + std::to_string(++tokens_);
        if (!more.contains("agent_id"))
            more["agent_id"] = "agent-7";
        return std::string(cloud().post("/tokens", more).at("token").as_string());
    }
    ended run(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {},
              const fs::path& program = relay_program())
    {
        auto e = run_to_end(program, std::move(arguments), std::move(environment));
        CHECK((e.out + e.err).find(word) == std::string::npos);
        UNSCOPED_INFO(e.out << e.err);
        return e;
    }
    ended enroll(const std::vector<std::string>& more, std::map<std::string, std::string> environment = {})
    {
        std::vector<std::string> arguments{"enroll", "--config", config_file().string()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        if (std::find(more.begin(), more.end(), "--url") == more.end())
            arguments.insert(arguments.end(), {"--url", https()});
        return run(std::move(arguments), std::move(environment));
    }
    void desk(json::object settings) { cloud().put("/enrolment", std::move(settings)); }
    std::size_t renewals()
    {
        const auto issued = cloud().get("/issued");
        const auto& list = issued.as_array();
        return static_cast<std::size_t>(std::count_if(list.begin(), list.end(), [](const json::value& v) {
            return v.at("occasion").as_string() == "renew";
        }));
    }
    // With a certificate that nearly ran out: a day left of 21.
    void enroll_nearly_run_out()
    {
        desk({{"life_s", 21 * 86'400}, {"age_s", 20 * 86'400}});
        REQUIRE(enroll({"--token", token()}).code == 0);
        desk({{"age_s", 0}});
    }
    std::size_t lines_with(std::string_view text) const
    {
        std::size_t count = 0;
        const auto log = agent_log();
        for (auto at = log.find(text); at != log.npos; at = log.find(text, at + 1))
            ++count;
        return count;
    }

private:
    int tokens_ = 0;
};

} // namespace

TEST_CASE("a machine that enrols can run and connects, with nothing about it in the configuration",
          "[integration]")
{
    newcomer w;
    const auto e = w.enroll({"--token", w.token()});
    INFO(e.err);
    REQUIRE(e.code == 0);
    CHECK(e.err.empty());
    CHECK_THAT(e.out, Contains("enrolled as agent-7") && Contains("valid until"));
    CHECK((fs::status(w.pki() / "agent.key").permissions() & fs::perms::all) == fs::perms(0600));
    CHECK((fs::status(w.pki()).permissions() & fs::perms::all) == fs::perms(0700));

    w.start_agent();
    w.wait_connected();
    CHECK(text_at(w.cloud().get("/agents"), "/0/hello/agent/id") == "agent-7");
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
}

TEST_CASE("enrolling again says what there is and changes nothing, unless it is forced", "[integration]")
{
    newcomer w;
    REQUIRE(w.enroll({"--token", w.token()}).code == 0);
    const auto before = contents(w.pki() / "agent.crt") + contents(w.pki() / "agent.key");
    const auto now = [&] { return contents(w.pki() / "agent.crt") + contents(w.pki() / "agent.key"); };

    const auto again = w.enroll({"--token", w.token()});
    CHECK(again.code == 0);
    CHECK_THAT(again.out,
               Contains("enrolled already as agent-7") && Contains("CN=agent-7") && Contains("--force"));
    const auto script = w.enroll({"--json"}); // needs no token
    CHECK(script.code == 0);
    const auto told = json::parse(script.out).as_object();
    CHECK_FALSE(told.at("enrolled").as_bool());
    CHECK(text_at(told, "/agent_id") == "agent-7");
    CHECK(text_at(told, "/subject") == "CN=agent-7");
    CHECK(text_at(told, "/cloud_url") == w.cloud_url());
    CHECK(now() == before);

    const auto forced = w.enroll({"--force", "--json", "--token", w.token({{"agent_id", "agent-8"}})});
    INFO(forced.err);
    CHECK(forced.code == 0);
    CHECK(text_at(json::parse(forced.out), "/agent_id") == "agent-8");
    CHECK(now() != before);
    CHECK(w.run({"config", "check", "--config", w.config_file().string()}).code == 0);
}

TEST_CASE(
    "the token can come from standard input and from the environment, and is covered in the command line",
    "[integration]")
{
    newcomer w;
    const auto command = "printf '%s\\n' \"$T\" | " + relay_program().string() + " enroll --config " +
                         w.config_file().string() + " --url " + w.https() + " --token -";
    CHECK(w.run({"-c", command}, {{"T", w.token()}}, "/bin/sh").code == 0);
    CHECK(w.enroll({"--force"}, {{"WORKESTRA_ENROLL_TOKEN", w.token()}}).code == 0);
    const auto none = w.enroll({"--force"});
    CHECK(none.code == 2);
    CHECK_THAT(none.err, Contains("no usable token"));

    w.desk({{"fault", {{"action", "hang"}}}});
    process slow(relay_program(), {.arguments = {"enroll", "--force", "--config", w.config_file().string(),
                                                 "--url", w.https(), "--token", w.token()},
                                   .environment = {},
                                   .standard_error = w.folder() / "slow.txt",
                                   .folder = {}});
    const auto line = "/proc/" + std::to_string(slow.pid()) + "/cmdline";
    CHECK(eventually([&] {
        const auto seen = contents(line);
        return seen.find("enroll") != seen.npos && seen.find(word) == seen.npos;
    }));
    slow.kill();
}

TEST_CASE("what keeps a machine from being enrolled is told in one line, and leaves no files",
          "[integration]")
{
    newcomer w;
    const auto refused = [&](const std::vector<std::string>& arguments, std::string_view why, int code = 1) {
        const auto e = w.enroll(arguments);
        INFO(e.err);
        CHECK(e.code == code);
        CHECK(std::count(e.err.begin(), e.err.end(), '\n') == 1);
        CHECK_THAT(e.err, Catch::StartsWith("workestra-relay: ") && Contains(std::string(why)));
        CHECK_FALSE(fs::exists(w.pki() / "agent.key"));
        CHECK_FALSE(fs::exists(w.pki() / "agent.key.new"));
    };
    const auto used = w.token();
    REQUIRE(w.enroll({"--token", used}).code == 0);
    fs::remove_all(w.pki());
    refused({"--token", used}, "used already");
    refused({"--token", w.token({{"valid_s", -1}})}, "has expired");
    refused({"--token", std::string(word)}, "does not take the token");
    refused({"--token", w.token(), "--url", "http://localhost"}, "https://", 2);
    refused({"--tokn=" + std::string(word)}, "no such option: --tokn", 2);
    refused({"--token", w.token(), "--url", "https://no-such-host.invalid"}, "no-such-host.invalid");
    refused({"--token", w.token(), "--url", "https://127.0.0.1:1"}, "Connection refused");

    const auto fresh = w.token();
    const auto fault_is = [&](json::object f) { w.desk({{"fault", std::move(f)}}); };
    fault_is({{"action", "status"}, {"status", 503}, {"code", "try_later"}});
    refused({"--token", fresh}, "503 (try_later)");
    fault_is({{"action", "status"},
              {"status", 401},
              {"code", "closed"},
              {"message", std::string("not with ") + fresh}});
    refused({"--token", fresh}, "not with ***");
    fault_is({{"action", "garbage"}});
    refused({"--token", fresh}, "sign-in page");
    fault_is({{"action", "huge"}});
    refused({"--token", fresh}, "more than an answer can hold");
    fault_is({{"action", "reset"}});
    refused({"--token", fresh}, "localhost");
    fault_is({{"action", "other_key"}});
    refused({"--token", fresh}, "not for the key of this machine");
    fault_is({{"action", "expired"}});
    refused({"--token", w.token()}, "ran out on");

    w.configure({{"cloud.ca_file", "'" + (development_pki() / "other-ca.crt").string() + "'"}});
    refused({"--token", w.token()}, "set cloud.ca_file to the CA that signed it");
    w.configure({{"cloud.certificate_file", "'/proc/nowhere/agent.crt'"}});
    refused({"--token", w.token()}, "/proc/nowhere");
}

TEST_CASE("an enrolment that was killed leaves a pair that works, or none", "[integration]")
{
    newcomer w;
    REQUIRE(w.enroll({"--token", w.token()}).code == 0);
    for (int i = 0; i < 12; ++i) {
        process p(relay_program(), {.arguments = {"enroll", "--force", "--config", w.config_file().string(),
                                                  "--url", w.https(), "--token", w.token()},
                                    .environment = {},
                                    .standard_error = w.folder() / "killed.txt",
                                    .folder = {}});
        p.wait(std::chrono::milliseconds(4 * i));
        p.kill();
    }
    const auto e = w.enroll({"--json"});
    INFO(e.err);
    CHECK(e.code == 0);
    w.start_agent();
    w.wait_connected();
}

TEST_CASE("a certificate is renewed while commands flow, and nothing is lost or done twice", "[integration]")
{
    newcomer w;
    w.enroll_nearly_run_out();
    const auto before = contents(w.pki() / "agent.crt");
    w.faults({fault("CreateItem", "before", "delay", {{"ms", 150}}, 0)});
    std::vector<std::string> ids;
    ids.reserve(40);
    for (int i = 0; i < 40; ++i)
        ids.push_back(w.send("event.create", host, booking("b-" + std::to_string(i))));
    w.start_agent();
    w.wait_connected();
    REQUIRE(eventually([&] { return w.lines_with("the certificate is renewed") == 1; }));
    for (const auto& id : ids) {
        const auto r = w.result(id, 60s);
        INFO(described(r));
        CHECK(outcome(r) == "ok");
        CHECK(w.record(id).at("results").to_number<int>() >= 1);
    }
    CHECK(w.ledger() == tally{.creates = 40, .invitations = 80});
    CHECK(w.renewals() == 1);
    CHECK(contents(w.pki() / "agent.crt") != before);
    const auto ledger = w.cloud().get("/ledger");
    CHECK(json::serialize(at(ledger, "/stores/0/gaps")) == "[]");
    CHECK(eventually([&] { return w.connected(); }));

    // The next start finds it in place and asks for no other.
    REQUIRE(w.stop_agent() == 0);
    w.start_agent();
    w.wait_connected();
    CHECK(w.renewals() == 1);
}

TEST_CASE("a cloud that does not renew is asked on, and the link stays", "[integration]")
{
    newcomer w;
    w.enroll_nearly_run_out();
    w.desk({{"fault",
             {{"on", "renew"}, {"action", "status"}, {"status", 403}, {"code", "not_now"}, {"count", 0}}}});
    w.start_agent();
    w.wait_connected();
    REQUIRE(eventually([&] { return w.lines_with("the certificate is not renewed") == 1; }));
    CHECK_THAT(w.agent_log(), Contains("403 (not_now)"));
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
    CHECK(w.cloud().get("/agents").as_array().size() == 1);
}

TEST_CASE("an agent whose certificate ran out while it was off renews it, or says to enrol again",
          "[integration]")
{
    newcomer w;
    const bool granted = GENERATE(true, false);
    w.desk({{"renew_expired", granted}});
    w.configure({{"cloud.url", "'" + w.cloud_url() + "'"}});
    fs::create_directories(w.pki());
    fs::copy_file(development_pki() / "agent-expired.crt", w.pki() / "agent.crt");
    fs::copy_file(development_pki() / "agent-expired.key", w.pki() / "agent.key");
    w.start_agent();
    if (granted) {
        w.wait_connected();
        CHECK(w.renewals() == 1);
    } else {
        REQUIRE(eventually([&] { return w.lines_with("enroll --force") == 1; }));
        CHECK_FALSE(w.connected());
        REQUIRE(w.enroll({"--force", "--token", w.token({{"agent_id", "agent-1"}})}).code == 0);
        w.agent().signal(SIGHUP);
        w.wait_connected();
    }
    CHECK(outcome(w.call("connection.test", "", {})) == "ok");
}

TEST_CASE("what a renewal tells of CAs leaves the administrator's file alone, and is taken only if a trusted "
          "one signed it",
          "[integration]")
{
    newcomer w;
    const auto own = w.folder() / "own-cloud-ca.crt";
    fs::copy_file(development_pki() / "cloud-ca.crt", own);
    w.configure({{"cloud.ca_file", "'" + own.string() + "'"}});
    w.enroll_nearly_run_out();
    CHECK(contents(own) == contents(development_pki() / "cloud-ca.crt"));
    const auto told = w.pki() / "cloud-ca.crt";
    CHECK(contents(told) == contents(development_pki() / "cloud-ca.crt")); // at enrolment it is taken
    w.desk({{"ca", contents(development_pki() / "other-ca.crt")}});
    w.start_agent();
    w.wait_connected();
    REQUIRE(eventually([&] { return w.lines_with("the certificate is renewed") == 1; }));
    REQUIRE(eventually(
        [&] { return w.lines_with("the cloud offers a CA that nobody has signed who is trusted") == 1; }));
    CHECK(contents(own) == contents(development_pki() / "cloud-ca.crt"));
    CHECK(contents(told) == contents(development_pki() / "cloud-ca.crt"));
    CHECK(eventually([&] { return w.connected(); }));

    // An administrator's change is told as well.
    std::ofstream(own, std::ios::app) << contents(development_pki() / "other-ca.crt");
    w.agent().signal(SIGHUP);
    REQUIRE(eventually([&] { return w.lines_with("counts from now on for the cloud's certificate") == 2; }));
    CHECK(eventually([&] { return w.connected(); }));
    REQUIRE(w.stop_agent() == 0);
    const auto audit = run_to_end(relay_program(), {"audit", "--config", w.config_file().string()});
    CHECK_THAT(audit.out, Contains(R"("op":"trust")") && Contains(R"("outcome":"refused")") &&
                              Contains(R"("outcome":"added")"));
}
