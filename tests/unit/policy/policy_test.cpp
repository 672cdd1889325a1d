#include "agent/commands/catalog.hpp"
#include "agent/policy/policy.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using namespace relay;

namespace {

mailbox_address address(std::string_view text)
{
    return *mailbox_address::parse(text);
}

} // namespace

TEST_CASE("deny wins over allow, without regard to case", "[unit][policy]")
{
    const policy::policy p({{"*"}, {"*@Corp.example"}, {"CEO@corp.example", "board-*@corp.example"}});
    const auto verdict = p.allows_mailbox(address("ceo@CORP.example"));
    REQUIRE_FALSE(verdict.has_value());
    CHECK(verdict.error().code == protocol::fault_code::policy_denied);
    CHECK(verdict.error().message ==
          "ceo@CORP.example matches \"ceo@corp.example\" in policy.deny_mailboxes");
    CHECK_FALSE(p.allows_mailbox(address("Board-1@corp.example")).has_value());
    CHECK_FALSE(p.allows_mailbox(address("a@corp.example.evil.example")).has_value());
    CHECK(p.allows_mailbox(address("HOST@corp.EXAMPLE")).has_value());
}

TEST_CASE("an empty list allows nothing", "[unit][policy]")
{
    const policy::policy p({{}, {}, {}});
    CHECK_FALSE(p.allows_operation("connection.test").has_value());
    CHECK_FALSE(p.allows_mailbox(address("a@b.c")).has_value());
    CHECK(p.operations(commands::catalog()).empty());
}

TEST_CASE("without rules everything is allowed", "[unit][policy]")
{
    const policy::policy p({});
    CHECK(p.allows_operation("event.create").has_value());
    CHECK(p.allows_mailbox(address("a@b.c")).has_value());
    CHECK(p.operations(commands::catalog()).size() == commands::catalog().rows().size());
    CHECK(p.idle_rules(commands::catalog()).empty());
}

TEST_CASE("operations are allowed by name and wildcard", "[unit][policy]")
{
    const policy::policy p({{"availability.*", "event.get", "event.creat"}, {"*"}, {}});
    CHECK(p.allows_operation("availability.get").has_value());
    CHECK(p.allows_operation("event.get").has_value());
    const auto verdict = p.allows_operation("event.create");
    REQUIRE_FALSE(verdict.has_value());
    CHECK(verdict.error().message == "event.create is not in policy.allow_operations");
    CHECK(p.operations(commands::catalog()) == std::vector<std::string>{"availability.get", "event.get",
                                                                        "availability.watch",
                                                                        "availability.unwatch"});
    CHECK(p.idle_rules(commands::catalog()) == std::vector<std::string>{"event.creat"});
}

TEST_CASE("hello leaves out what no mailbox could be used for", "[unit][policy]")
{
    CHECK(policy::policy({{"*"}, {}, {}}).operations(commands::catalog()) ==
          std::vector<std::string>{"connection.test", "availability.unwatch", "agent.diagnose"});
    CHECK(policy::policy({{"*"}, {"*"}, {"*"}}).operations(commands::catalog()) ==
          std::vector<std::string>{"connection.test", "availability.unwatch", "agent.diagnose"});
}

TEST_CASE("an operation is judged with the mailbox it acts for", "[unit][policy]")
{
    const policy::policy p({{"*"}, {"*"}, {"ceo@corp.example"}});
    const auto allows = [&](std::string op, std::string mailbox, std::string_view params) {
        protocol::command c;
        c.op = std::move(op);
        c.mailbox = std::move(mailbox);
        c.params = boost::json::parse(boost::json::string_view(params.data(), params.size())).as_object();
        return p.allows(c.op, **commands::catalog().read(c)).has_value();
    };
    CHECK_FALSE(allows("mailbox.verify", "ceo@corp.example", "{}"));
    CHECK(allows("mailbox.verify", "a@corp.example", "{}"));
    CHECK(allows("connection.test", "", "{}"));
    // In availability the denied mailbox fails alone.
    CHECK(allows(
        "availability.get", "",
        R"({"mailboxes":["ceo@corp.example"],"start":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z"})"));
    CHECK(allows("availability.watch", "", R"({"watch_id":"w-1","mailboxes":["ceo@corp.example"]})"));
}

TEST_CASE("a verdict names the key and the entry that decided", "[unit][policy]")
{
    const policy::policy p({{"event.*"}, {"*@corp.example"}, {"ceo@*"}});
    const auto denied = p.judge_mailbox(address("CEO@corp.example"));
    CHECK_FALSE(denied.allowed);
    CHECK(denied.key == "policy.deny_mailboxes");
    CHECK(denied.pattern == "ceo@*");
    const auto allowed = p.judge_mailbox(address("a@corp.example"));
    CHECK(allowed.allowed);
    CHECK(allowed.sentence("a@corp.example") ==
          "a@corp.example matches \"*@corp.example\" in policy.allow_mailboxes");
    CHECK(p.judge_operation("event.get").pattern == "event.*");
    CHECK(p.judge_operation("connection.test").pattern.empty());
    CHECK(p.judge_mailbox(address("a@b.c")).sentence("a@b.c") ==
          "a@b.c matches nothing in policy.allow_mailboxes");
}

TEST_CASE("who may be invited is judged apart from mailboxes, and deny wins", "[unit][policy]")
{
    policy::rules r;
    r.allow_mailboxes = {"*@corp.example"};
    r.allow_attendees = {"*@corp.example", "*@Partner.example"};
    r.deny_attendees = {"ALL-*@corp.example"};
    const policy::policy p(r);
    CHECK(p.judge_attendee(address("a@partner.example")).allowed);
    CHECK_FALSE(p.judge_attendee(address("a@elsewhere.example")).allowed);
    CHECK(p.judge_attendee(address("all-staff@Corp.example")).sentence("all-staff@Corp.example") ==
          "all-staff@Corp.example matches \"all-*@corp.example\" in policy.deny_attendees");
    CHECK_FALSE(p.judge_mailbox(address("a@partner.example")).allowed);

    const auto invites = [&](std::string op, std::string_view params) {
        protocol::command c;
        c.op = std::move(op);
        c.mailbox = "host@corp.example";
        c.params = boost::json::parse(boost::json::string_view(params.data(), params.size())).as_object();
        const auto read = commands::catalog().read(c);
        REQUIRE(read.has_value());
        return p.allows(c.op, **read).has_value();
    };
    constexpr std::string_view made =
        R"({"event_id":"e","subject":"S","start":"2026-11-22T10:00:00Z",)"
        R"("end":"2026-11-22T11:00:00Z","attendees":[{"email":"a@corp.example"},)";
    CHECK(invites("event.create", std::string(made) + R"({"email":"b@partner.example"}]})"));
    CHECK_FALSE(invites("event.create", std::string(made) + R"({"email":"b@elsewhere.example"}]})"));
    CHECK_FALSE(invites("event.create",
                        std::string(made) + R"({"email":"All-Staff@corp.example"}],"notify":"none"})"));
    CHECK_FALSE(invites("event.update", R"({"event_id":"e","set":{"attendees":[{"email":"x@y.example"}]}})"));
    CHECK(invites("event.update", R"({"event_id":"e","set":{"attendees":null}})"));
    CHECK(invites("event.cancel", R"({"event_id":"e"})"));
}

TEST_CASE("an empty list of attendees that are allowed lets nobody be invited", "[unit][policy]")
{
    policy::rules r;
    r.allow_attendees = {};
    CHECK_FALSE(policy::policy(r).judge_attendee(address("a@corp.example")).allowed);
    CHECK(policy::policy({}).judge_attendee(address("a@corp.example")).allowed);
}
