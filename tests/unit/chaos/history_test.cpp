// The judge of the chaos runs must see what they are made to find.
#include "tests/chaos/history.hpp"

#include <catch2/catch.hpp>

namespace {

using namespace relay::chaos;

// A story that is all right; each case spoils it in one way.
struct story {
    std::vector<asked> commands;
    evidence seen;
    std::size_t sends = 0;
    int entries = 0;

    asked& ask(std::string id, std::string op, json::object params, json::object output)
    {
        params["event_id"] = "e";
        asked c;
        c.id = std::move(id);
        c.op = std::move(op);
        c.mailbox = "user1@corp.example";
        c.event_id = "e";
        c.params = std::move(params);
        c.first_sent = c.last_sent = ++sends;
        c.result = json::object{{"ok", true}, {"output", std::move(output)}};
        commands.push_back(std::move(c));
        return commands.back();
    }
    static void fail(asked& c, const char* code)
    {
        c.result = json::object{{"ok", false}, {"error", {{"code", code}}}};
    }

    void write(const char* operation, const char* command, const char* uid = "u")
    {
        seen.writes.push_back(
            {{"n", ++entries}, {"operation", operation}, {"command_id", command}, {"uid", uid}});
    }
    void tell(const char* kind, const char* command, const char* uid = "u")
    {
        seen.notifications.push_back({{"n", ++entries},
                                      {"kind", kind},
                                      {"to", "guest@elsewhere.example"},
                                      {"command_id", command},
                                      {"uid", uid}});
    }
    void hold(const char* folder, const char* subject, const char* command)
    {
        seen.items.push_back(
            {{"folder", folder}, {"subject", subject}, {"properties", {{"WorkestraCommandId", command}}}});
    }

    void create(const char* id = "c1")
    {
        ask(id, "event.create",
            {{"subject", "First"}, {"attendees", json::array{{{"email", "guest@elsewhere.example"}}}}}, {});
        write("create", id);
        tell("request", id);
    }
    void update(const char* id = "c2")
    {
        ask(id, "event.update", {{"set", {{"subject", "Second"}}}}, {});
        write("update", id);
        tell("update", id);
    }
    void cancel(const char* id = "c3", const char* before = "c2")
    {
        ask(id, "event.cancel", {}, {{"existed", true}});
        write("delete", before);
        tell("cancel", before);
    }
    std::vector<std::string> verdict() const { return judge_event(commands, seen); }
};

bool mentions(const std::vector<std::string>& wrong, std::string_view what)
{
    for (const auto& w : wrong)
        if (w.find(what) != w.npos)
            return true;
    return false;
}

} // namespace

TEST_CASE("a create that was applied twice is wrong", "[unit][chaos]")
{
    story s;
    s.create();
    s.write("create", "c1");
    s.tell("request", "c1");
    s.hold("calendar", "First", "c1");
    s.hold("calendar", "First", "c1");
    CHECK(mentions(s.verdict(), "c1 (event.create) was applied twice"));
    CHECK(mentions(s.verdict(), "too often"));
    CHECK(mentions(s.verdict(), "2 items"));
}

TEST_CASE("a command without a result, and one whose result is not true, are wrong", "[unit][chaos]")
{
    story s;
    s.create();
    s.hold("calendar", "First", "c1");
    SECTION("no result")
    {
        s.commands[0].result.reset();
        CHECK(mentions(s.verdict(), "has no result"));
    }
    SECTION("applied, but told otherwise")
    {
        story::fail(s.commands[0], "exchange_unavailable");
        CHECK(mentions(s.verdict(), "was applied, but the cloud was told exchange_unavailable"));
    }
    SECTION("never applied")
    {
        s.ask("c2", "event.update", {{"set", {{"subject", "Second"}}}}, {});
        CHECK(mentions(s.verdict(), "c2 (event.update) succeeded, but was never applied"));
    }
}

TEST_CASE("effects out of the order of the commands are wrong, unless one was sent again meanwhile",
          "[unit][chaos]")
{
    story s;
    s.create();
    s.update("c2");
    s.update("c3");
    std::swap(s.seen.writes[1], s.seen.writes[2]);
    s.hold("calendar", "Second", "c2");
    CHECK(mentions(s.verdict(), "c2 took effect after c3"));
    s.commands[1].last_sent = ++s.sends;
    CHECK(s.verdict().empty());
}

TEST_CASE("of two cancels that may each have done it, the one that notifies is taken for the one that told",
          "[unit][chaos]")
{
    story s;
    s.ask("quiet", "event.cancel", {{"notify", "none"}}, {{"existed", true}});
    s.create("c1");
    s.cancel("loud", "c1");
    s.ask("c2", "event.create",
          {{"subject", "Second"},
           {"notify", "none"},
           {"attendees", json::array{{{"email", "guest@elsewhere.example"}}}}},
          {});
    s.write("create", "c2", "u2");
    s.write("delete", "c2", "u2");
    s.commands[0].last_sent = ++s.sends;
    s.hold("deleteditems", "First", "c1");
    s.hold("deleteditems", "Second", "c2");
    CHECK(s.verdict() == std::vector<std::string>{});

    s.tell("cancel", "c2", "u2");
    CHECK(mentions(s.verdict(), "too often"));
}

TEST_CASE("what a command says about the event must have been so in its turn", "[unit][chaos]")
{
    story s;
    s.create();
    SECTION("a read between create and update sees the first subject")
    {
        s.ask("g", "event.get", {}, {{"subject", "Second"}});
        s.update();
        s.hold("calendar", "Second", "c2");
        CHECK(mentions(s.verdict(), "g (event.get)"));
        s.commands[1].result->at("output").as_object()["subject"] = "First";
        CHECK(s.verdict().empty());
    }
    SECTION("an update does not miss what is there")
    {
        auto& c = s.ask("u", "event.update", {{"set", {{"subject", "Second"}}}}, {});
        story::fail(c, "event_not_found");
        s.hold("calendar", "First", "c1");
        CHECK(mentions(s.verdict(), "u (event.update) says that there is no such event"));
    }
}

TEST_CASE("a cancel is done once, by one that says so", "[unit][chaos]")
{
    story s;
    s.create();
    s.update();
    s.cancel();
    s.hold("deleteditems", "Second", "c2");
    SECTION("all is well")
    {
        CHECK(s.verdict().empty());
    }
    SECTION("nobody says so")
    {
        s.commands[2].result->at("output").as_object()["existed"] = false;
        CHECK_FALSE(s.verdict().empty());
    }
    SECTION("a second one says so too")
    {
        s.ask("c4", "event.cancel", {}, {{"existed", true}});
        CHECK(mentions(s.verdict(), "2 cancels say that they deleted it"));
    }
    SECTION("nobody was told")
    {
        s.seen.notifications.pop_back();
        CHECK(mentions(s.verdict(), "was told cancel too seldom"));
    }
}
