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
