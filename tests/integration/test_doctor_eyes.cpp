// `doctor` sees what the agent sees, and proves what it says: the environment of the running agent, codes that nobody knows,
// settings that let nothing out, a ticket that is not there.
#include "tests/integration/scenario.hpp"

#include "tests/support/connect_proxy.hpp"

#include <boost/json/parse.hpp>

using namespace relay::test;

namespace {

using Catch::Matchers::Contains;

world_options without_agent(configuration config = {}, std::vector<std::string> exchange = {})
{
    return {.config = std::move(config),
            .exchange_arguments = std::move(exchange),
            .cloud_arguments = {},
            .environment = {},
            .start_agent = false};
}

json::value examine(relay_world& w, std::vector<std::string> more = {},
                    std::map<std::string, std::string> variables = {})
{
    std::vector<std::string> arguments{"doctor", "--json", "--config", w.config_file().string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto e = run_to_end(relay_program(), std::move(arguments), std::move(variables));
    INFO(e.out << e.err);
    CHECK((e.out + e.err).find("s3cret") == std::string::npos);
    return json::parse(e.out);
}

// "FAIL: message -> advice"
std::string says(const json::value& document, std::string_view name)
{
    for (const auto& c : document.at("checks").as_array())
        if (c.at("name").as_string() == name)
            return (c.at("ok").as_bool() ? "ok: " : "FAIL: ") + text_at(c, "/message") + " -> " +
                   text_at(c, "/advice");
    return "no check " + std::string(name) + " in " + json::serialize(document);
}

} // namespace

TEST_CASE("the doctor sees the proxy and the settings that only the running agent's environment has",
          "[integration][doctor]")
{
    connect_proxy proxy("joe:s3cret");
    const auto at_proxy = "127.0.0.1:" + std::to_string(proxy.port());
    scenario w(without_agent(
        {{"cloud.proxy", "'env'"}, {"cloud.proxy_auth", "['basic']"}, {"exchange.username", ""}}));
    const std::map<std::string, std::string> of_the_service{
        {"HTTPS_PROXY", "http://joe:s3cret@" + at_proxy},
        {"WORKESTRA_RELAY_EXCHANGE_USERNAME", "CORP\\workestra-svc"}};
    w.start_agent(of_the_service);
    w.wait_connected();

    // The shell that the doctor is run from has a proxy of its own, and not the service's variables.
    const auto seen = examine(w, {}, {{"HTTPS_PROXY", "http://127.0.0.1:1"}});
    CHECK_THAT(says(seen, "configuration"), Contains("ok") && Contains("are those of the running agent"));
    CHECK_THAT(says(seen, "cloud_proxy"), Contains("ok") && Contains(at_proxy));
    CHECK_THAT(says(seen, "cloud_websocket"), Contains("ok"));
    CHECK_THAT(says(seen, "sign_in"), Contains("ok"));

    REQUIRE(w.stop_agent() == 0);
    const auto alone = examine(w);
    CHECK_THAT(says(alone, "configuration"), Contains("are those of this command, as no agent runs"));
}

TEST_CASE("a code that nobody knows proves no right to act for a mailbox", "[integration][doctor]")
{
    scenario w(without_agent());
    const std::vector<std::string> of_host{"--mailbox", std::string(host)};
    w.faults({fault("GetFolder", "before", "error", {{"code", "ErrorThatNobodyHasHeardOf"}}, 0)});
    auto seen = examine(w, of_host);
    CHECK_THAT(says(seen, "impersonation host@corp.example"),
               Contains("FAIL") && Contains("ErrorThatNobodyHasHeardOf") && Contains("does not tell") &&
                   Contains("Get-Mailbox"));
    CHECK_THAT(says(seen, "calendar host@corp.example"), Contains("not tried"));

    // Once only: the inbox opens after it, which is proof.
    w.faults({fault("GetFolder", "before", "error", {{"code", "ErrorThatNobodyHasHeardOf"}}, 1)});
    seen = examine(w, of_host);
    CHECK_THAT(says(seen, "impersonation host@corp.example"), Contains("ok"));
    CHECK_THAT(says(seen, "calendar host@corp.example"),
               Contains("FAIL") && Contains("ErrorThatNobodyHasHeardOf"));
}

TEST_CASE("an http:// address of Exchange, and Basic over it, are told as what they are",
          "[integration][doctor]")
{
    scenario w(without_agent());
    const auto plain = "'http" + w.ews_url().substr(5) + "'";
    w.configure({{"exchange.url", plain}});
    auto seen = examine(w);
    CHECK_THAT(says(seen, "exchange_connection"),
               Contains("FAIL: exchange.url is http://") && !Contains("port /TCP") && !Contains("firewall"));

    w.configure({{"exchange.url", plain}, {"exchange.allow_plaintext", "true"}});
    seen = examine(w);
    CHECK_THAT(says(seen, "sign_in"), Contains("FAIL") && Contains("Basic is never sent over http://") &&
                                          Contains("exchange.auth") && !Contains("Test-ServiceHealth"));
}

TEST_CASE("Negotiate without a ticket is no wrong password", "[integration][doctor]")
{
    scenario w(without_agent(
        {{"exchange.auth", "'negotiate'"}, {"exchange.username", ""}, {"exchange.password_file", ""}},
        {"--auth", "negotiate"}));
    const auto seen = examine(
        w, {},
        {{"KRB5CCNAME", "FILE:" + (w.folder() / "no-tickets").string()}, {"NTLM_USER_FILE", "/dev/null"}});
    CHECK_THAT(says(seen, "sign_in"), Contains("FAIL") && Contains("no Kerberos ticket") &&
                                          Contains("klist") && !Contains("Get-ADUser") &&
                                          !Contains("right password"));
    CHECK(at(w.exchange().get("/stats"), "/sign_ins/refused").to_number<int>() == 0);
}
