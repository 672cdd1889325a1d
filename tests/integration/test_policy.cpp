// `policy test`: what the rules of the configuration make of a command, without an agent (and without a cloud or Exchange).
#include "tests/integration/scenario.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <fstream>

using namespace relay::test;

namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

struct rules_file {
    explicit rules_file(std::string_view rules) { std::ofstream(path) << "[policy]\n" << rules; }

    ended ask(std::vector<std::string> arguments) const
    {
        arguments.insert(arguments.begin(), {"policy", "test", "--config", path.string()});
        return run_to_end(relay_program(), std::move(arguments));
    }

    temporary_folder folder;
    fs::path path = folder.path() / "agent.toml";
};

// "policy_denied: why", "ok: " else.
std::string told(const json::object& result)
{
    const auto* e = result.if_contains("error");
    return e ? text_at(*e, "/code") + ": " + text_at(*e, "/message") : "ok: ";
}

constexpr std::string_view usual = "allow_operations = ['event.*', 'availability.get']\n"
                                   "allow_mailboxes = ['*@corp.example']\n"
                                   "deny_mailboxes = ['CEO@corp.example']\n";

} // namespace

TEST_CASE("policy test tells what would be carried out, and which rules say so", "[integration]")
{
    const rules_file rules(usual);
    auto e = rules.ask({"--op", "event.create", "--mailbox", "Host@Corp.example"});
    INFO(e.out << e.err);
    CHECK(e.code == 0);
    CHECK(e.err.empty());
    CHECK(e.out == "allowed: event.create matches \"event.*\" in policy.allow_operations, Host@Corp.example "
                   "matches \"*@corp.example\" in policy.allow_mailboxes\n");

    e = rules.ask({"--op", "availability.get"});
    CHECK(e.code == 0);
    CHECK_THAT(e.out, StartsWith("allowed: availability.get matches") && Contains("give --mailbox"));
}

TEST_CASE("policy test tells what would be denied, and by which rule", "[integration]")
{
    const rules_file rules(usual);
    auto e = rules.ask({"--op", "event.create", "--mailbox", "ceo@corp.example"});
    INFO(e.out << e.err);
    CHECK(e.code == 3);
    CHECK(e.err.empty());
    CHECK_THAT(e.out, StartsWith("denied: ceo@corp.example matches \"ceo@corp.example\" in "
                                 "policy.deny_mailboxes\n") &&
                          Contains("policy_denied"));

    e = rules.ask({"--op", "event.get", "--mailbox", "a@elsewhere.example"});
    CHECK(e.code == 3);
    CHECK_THAT(e.out, StartsWith("denied: a@elsewhere.example matches nothing in policy.allow_mailboxes\n"));

    e = rules.ask({"--op", "connection.test"});
    CHECK(e.code == 3);
    CHECK_THAT(e.out, StartsWith("denied: connection.test is not in policy.allow_operations\n"));

    e = rules.ask({"--op", "availability.get", "--mailbox", "ceo@corp.example"});
    CHECK(e.code == 3);
    CHECK_THAT(e.out, Contains("for this mailbox alone"));
}

TEST_CASE("policy test speaks JSON to scripts", "[integration]")
{
    const rules_file rules(usual);
    auto e = rules.ask({"--op", "event.get", "--mailbox", "ceo@corp.example", "--json"});
    INFO(e.out << e.err);
    CHECK(e.code == 3);
    auto d = boost::json::parse(e.out);
    CHECK_FALSE(at(d, "/allowed").as_bool());
    CHECK(text_at(d, "/op") == "event.get");
    CHECK(text_at(d, "/mailbox") == "ceo@corp.example");
    CHECK(text_at(d, "/rules/0/key") == "policy.allow_operations");
    CHECK(text_at(d, "/rules/0/pattern") == "event.*");
    CHECK(text_at(d, "/rules/1/key") == "policy.deny_mailboxes");
    CHECK_FALSE(at(d, "/rules/1/allows").as_bool());

    e = rules.ask({"--op", "connection.test", "--json"});
    CHECK(e.code == 3);
    d = boost::json::parse(e.out);
    CHECK(at(d, "/mailbox").is_null());
    CHECK(at(d, "/rules/0/pattern").is_null());
}

TEST_CASE("policy test refuses what is no question, and a configuration that cannot be read", "[integration]")
{
    const rules_file rules(usual);
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                      {"--mailbox", "a@corp.example"},
                                                      {"--op", "event.crate", "--mailbox", "a@corp.example"},
                                                      {"--op", "event.create"},
                                                      {"--op", "event.create", "--mailbox", "nobody"}}) {
        const auto e = rules.ask(arguments);
        INFO(e.err);
        CHECK(e.code == 2);
        CHECK(e.out.empty());
        CHECK(std::count(e.err.begin(), e.err.end(), '\n') == 1);
        CHECK_THAT(e.err, StartsWith("workestra-relay: "));
    }
    const rules_file bad("allow_mailbox = []\n");
    const auto e = bad.ask({"--op", "connection.test"});
    INFO(e.err);
    CHECK(e.code == 1);
    CHECK_THAT(e.err, Contains("policy.allow_mailbox"));
}

TEST_CASE("an empty variable does not lift what the file forbids: it is a mistake that is named",
          "[integration]")
{
    scenario w({.config = {{"policy.deny_mailboxes", "['ceo@corp.example']"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {},
                .start_agent = false});
    const auto check = [&](const std::string& name, const std::string& value) {
        INFO(name << "='" << value << "'");
        for (const auto& words : {std::vector<std::string>{"config", "check"}, {"run"}}) {
            auto arguments = words;
            arguments.insert(arguments.end(), {"--config", w.config_file().string()});
            const auto e = run_to_end(relay_program(), std::move(arguments), {{name, value}});
            CHECK(e.code == 1);
            CHECK_THAT(e.err, Catch::Contains(name + ": is empty, and would lift what"));
        }
    };
    check("WORKESTRA_RELAY_POLICY_DENY_MAILBOXES", "");
    for (const auto* blank : {" ", ",", " , ", "[]", "[ ]"})
        check("WORKESTRA_RELAY_POLICY_DENY_MAILBOXES", blank);
    for (const auto* name :
         {"WORKESTRA_RELAY_POLICY_ALLOW_MAILBOXES", "WORKESTRA_RELAY_POLICY_ALLOW_OPERATIONS",
          "WORKESTRA_RELAY_EXCHANGE_CERTIFICATE_SHA256", "WORKESTRA_RELAY_EXCHANGE_CA_FILE",
          "WORKESTRA_RELAY_CLOUD_CA_FILE"})
        check(name, "");
}

TEST_CASE("policy test judges whom a command invites, and tells the rate", "[integration]")
{
    const rules_file rules("allow_attendees = ['*@corp.example', '*@partner.example']\n"
                           "deny_attendees = ['all-staff@corp.example']\n"
                           "max_invitations_per_hour = 50\n");
    const auto ask = [&](std::string attendee, std::vector<std::string> more = {}) {
        std::vector<std::string> words{"--op",       "event.create",     "--mailbox", "host@corp.example",
                                       "--attendee", std::move(attendee)};
        words.insert(words.end(), more.begin(), more.end());
        return rules.ask(std::move(words));
    };
    auto e = ask("a@partner.example");
    INFO(e.out << e.err);
    CHECK(e.code == 0);
    CHECK_THAT(e.out, Contains("a@partner.example matches \"*@partner.example\" in policy.allow_attendees") &&
                          Contains("50 invitations") && Contains("policy.max_invitations_per_hour"));
    e = ask("All-Staff@corp.example");
    CHECK(e.code == 3);
    CHECK_THAT(e.out, StartsWith("denied: All-Staff@corp.example matches \"all-staff@corp.example\" in "
                                 "policy.deny_attendees\n"));
    e = ask("x@elsewhere.example", {"--json"});
    CHECK(e.code == 3);
    const auto d = boost::json::parse(e.out);
    CHECK(text_at(d, "/attendee") == "x@elsewhere.example");
    CHECK(text_at(d, "/rules/2/key") == "policy.allow_attendees");
    CHECK(at(d, "/max_invitations_per_hour").as_int64() == 50);

    CHECK(ask("nobody").code == 2);
    CHECK(rules.ask({"--op", "event.get", "--mailbox", "host@corp.example", "--attendee", "a@corp.example"})
              .code == 2);
}

TEST_CASE("config check refuses a pattern that no address can match", "[integration]")
{
    scenario w({.config = {{"policy.deny_attendees", "['all-staff', 'vorst\u00e4nde@corp.example']"},
                           {"policy.max_invitations_per_hour", "-1"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {},
                .start_agent = false});
    const auto e = run_to_end(relay_program(), {"config", "check", "--config", w.config_file().string()});
    INFO(e.err);
    CHECK(e.code == 1);
    CHECK_THAT(e.err, Contains("policy.deny_attendees") && Contains("policy.max_invitations_per_hour"));
}

TEST_CASE("the cloud invites whom policy allows, as often as it allows; the audit and the doctor know",
          "[integration]")
{
    scenario w({.config = {{"policy.deny_attendees", "['all-staff@corp.example']"},
                           {"policy.max_invitations_per_hour", "3"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    const auto invite = [&](std::string event, std::vector<std::string> whom) {
        json::array attendees;
        for (const auto& a : whom)
            attendees.push_back(json::object{{"email", a}});
        return w.call("event.create", host,
                      {{"event_id", event},
                       {"subject", "S"},
                       {"start", "2026-11-23T09:00:00Z"},
                       {"end", "2026-11-23T10:00:00Z"},
                       {"attendees", std::move(attendees)}});
    };
    CHECK(described(invite("e-1", {"user1@corp.example", "user2@corp.example"})) == "ok");
    CHECK_THAT(told(invite("e-2", {"user1@corp.example", "All-Staff@corp.example"})),
               StartsWith("policy_denied: All-Staff@corp.example matches \"all-staff@corp.example\" in "
                          "policy.deny_attendees"));
    CHECK_THAT(told(invite("e-3", {"user1@corp.example", "user2@corp.example"})),
               StartsWith("policy_denied: 2 invitations went out for host@corp.example within an hour") &&
                   Contains("it may come again at 20"));
    CHECK(described(invite("e-4", {"user1@corp.example"})) == "ok");
    CHECK(described(w.call("event.cancel", host, {{"event_id", "e-1"}})) == "ok");
    const auto ledger = w.exchange().get("/ledger");
    int requests = 0;
    const auto sent = at(ledger, "/notifications");
    for (const auto& n : sent.as_array())
        requests += n.at("kind").as_string() == "request";
    CHECK(requests == 3);

    const auto denied_in_audit = [&] { // refusals gather for a moment
        const auto audit = run_to_end(relay_program(), {"audit", "--config", w.config_file().string()});
        std::size_t denied = 0;
        for (auto found = audit.out.find("policy_denied"); found != audit.out.npos;
             found = audit.out.find("policy_denied", found + 1))
            ++denied;
        return denied;
    };
    CHECK(eventually([&] { return denied_in_audit() == 2; }));

    const auto doctor =
        run_to_end(relay_program(), {"doctor", "--json", "--config", w.config_file().string()});
    CHECK_THAT(doctor.out,
               Contains("it may invite anybody, but for those of one pattern, 3 an hour for each host"));
}

TEST_CASE("no alias and no list tells of a mailbox that policy denies", "[integration]")
{
    scenario w({.config = {{"policy.deny_mailboxes", "['ceo@corp.example']"},
                           {"policy.deny_attendees", "['all-staff@corp.example']"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    w.exchange().post("/mailboxes",
                      {{"email", "ceo@corp.example"}, {"aliases", json::array{"boss@corp.example"}}});
    w.exchange().post("/mailboxes", {{"email", "board@corp.example"},
                                     {"members", json::array{"ceo@corp.example", "user1@corp.example"}}});
    w.exchange().post("/mailboxes", {{"email", "all-staff@corp.example"},
                                     {"aliases", json::array{"everyone@corp.example"}},
                                     {"members", json::array{"ceo@corp.example", "user1@corp.example"}}});
    w.exchange().post("/mailboxes/ceo@corp.example/items", {{"subject", "Secret"},
                                                            {"start", "2026-11-23T09:00:00Z"},
                                                            {"end", "2026-11-23T10:00:00Z"},
                                                            {"busy", "OOF"}});
    const auto free_busy = [&] {
        const auto r = w.call("availability.get", {},
                              {{"mailboxes", json::array{"user1@corp.example", "boss@corp.example",
                                                         "board@corp.example", "ceo@corp.example"}},
                               {"start", "2026-11-23T00:00:00Z"},
                               {"end", "2026-11-24T00:00:00Z"}});
        INFO(described(r));
        std::string codes;
        const auto mailboxes = at(r, "/output/mailboxes");
        for (const auto& m : mailboxes.as_array())
            codes += m.at("ok").as_bool() ? std::string("ok ")
                                          : std::string(m.at("error").at("code").as_string()) + " ";
        CHECK(json::serialize(r).find("oof") == std::string::npos);
        return codes;
    };
    const auto asked = [&](std::string_view what) {
        const auto stats = w.exchange().get("/stats");
        const auto* n = stats.at("requests").as_object().if_contains(what);
        return n ? n->to_number<int>() : 0;
    };
    CHECK(free_busy() == "ok policy_denied policy_denied policy_denied ");
    const auto names = asked("ResolveNames"), questions = asked("GetUserAvailability");
    for (int i = 0; i < 5; ++i)
        CHECK(free_busy() == "ok policy_denied policy_denied policy_denied ");
    CHECK(asked("ResolveNames") == names); // no extra round trip once they are known
    CHECK(asked("GetUserAvailability") == questions + 5);

    // A booking in the name of an alias: Exchange takes the primary address alone.
    CHECK_THAT(told(w.call("mailbox.verify", "boss@corp.example", {})), StartsWith("mailbox_not_found"));
    const auto invited =
        w.call("event.create", host,
               {{"event_id", "e-1"},
                {"subject", "S"},
                {"start", "2026-11-23T09:00:00Z"},
                {"end", "2026-11-23T10:00:00Z"},
                {"attendees", json::array{json::object{{"email", "everyone@corp.example"}}}}});
    CHECK_THAT(told(invited), StartsWith("policy_denied: everyone@corp.example is another name of "
                                         "all-staff@corp.example"));
    const auto ledger = w.exchange().get("/ledger");
    CHECK(at(ledger, "/notifications").as_array().empty());
    CHECK_THAT(told(w.call("availability.get", {},
                           {{"mailboxes", json::array{"ce\xc3\xb6@corp.example"}},
                            {"start", "2026-11-23T00:00:00Z"},
                            {"end", "2026-11-24T00:00:00Z"}})),
               StartsWith("invalid_request: params.mailboxes[0]: must be in ASCII"));
}

TEST_CASE("a list may be asked about if the customer allows lists", "[integration]")
{
    scenario w({.config = {{"policy.deny_mailboxes", "['ceo@corp.example']"},
                           {"policy.distribution_lists", "'allow'"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    w.exchange().post("/mailboxes",
                      {{"email", "board@corp.example"}, {"members", json::array{"user1@corp.example"}}});
    const auto r = w.call("availability.get", {},
                          {{"mailboxes", json::array{"board@corp.example"}},
                           {"start", "2026-11-23T00:00:00Z"},
                           {"end", "2026-11-24T00:00:00Z"}});
    CHECK(at(r, "/output/mailboxes/0/ok").as_bool());
}
