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
    void hold(const char* folder, const char* subject, const char* command, const char* uid = "u",
              const char* change_key = "")
    {
        seen.items.push_back({{"folder", folder},
                              {"subject", subject},
                              {"uid", uid},
                              {"change_key", change_key},
                              {"properties", {{"WorkestraCommandId", command}}}});
    }

    void by_hand(const char* action, const char* uid, const char* folder, const char* subject,
                 const char* change_key)
    {
        seen.hands.push_back({{"n", ++entries},
                              {"action", action},
                              {"uid", uid},
                              {"folder", folder},
                              {"subject", subject},
                              {"change_key", change_key}});
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
    s.hold("deleteditems", "Second", "c2", "u2");
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

TEST_CASE("a copy that the owner made is no item of the event, and must stay as it was left", "[unit][chaos]")
{
    story s;
    s.create();
    s.by_hand("copy", "v", "calendar", "First", "k1");
    s.hold("calendar", "First", "c1");
    SECTION("it was")
    {
        s.hold("calendar", "First", "c1", "v", "k1");
        CHECK(s.verdict() == std::vector<std::string>{});
    }
    SECTION("it was changed")
    {
        s.hold("calendar", "First", "c1", "v", "k2");
        CHECK(mentions(s.verdict(), "a copy made by hand was touched: v"));
    }
    SECTION("it was moved")
    {
        s.hold("deleteditems", "First", "c1", "v", "k1");
        CHECK(mentions(s.verdict(), "a copy made by hand was touched: v"));
    }
    SECTION("an agent wrote to it")
    {
        s.ask("c2", "event.update", {{"set", {{"subject", "Second"}}}, {"notify", "none"}}, {});
        s.write("update", "c2", "v");
        s.hold("calendar", "First", "c1", "v", "k1");
        CHECK(s.verdict() == std::vector<std::string>{"a copy made by hand was updated"});
    }
    SECTION("it is gone")
    {
        CHECK(mentions(s.verdict(), "there are 0 items with the UID v"));
    }
}

TEST_CASE("what the owner did counts for what commands say and for what there is", "[unit][chaos]")
{
    story s;
    s.create();
    SECTION("an edit")
    {
        s.by_hand("edit", "u", "calendar", "By hand", "k1");
        s.ask("g", "event.get", {}, {{"subject", "By hand"}});
        s.hold("calendar", "By hand", "c1");
        CHECK(s.verdict() == std::vector<std::string>{});
        s.seen.items.clear();
        s.hold("calendar", "First", "c1");
        CHECK(mentions(s.verdict(), "the calendar says \"First\", not \"By hand\""));
    }
    SECTION("an update after it was deleted, and after it was restored")
    {
        s.by_hand("delete", "u", "deleteditems", "First", "k1");
        story::fail(s.ask("c2", "event.update", {{"set", {{"subject", "Second"}}}}, {}), "event_not_found");
        s.by_hand("move", "u", "calendar", "First", "k2");
        s.update("c3");
        s.hold("calendar", "Second", "c3");
        CHECK(s.verdict() == std::vector<std::string>{});
    }
    SECTION("an update of what is deleted")
    {
        s.by_hand("delete", "u", "deleteditems", "First", "k1");
        s.update();
        s.hold("deleteditems", "Second", "c2");
        CHECK(s.verdict() == std::vector<std::string>{"updated while it was not there"});
    }
    SECTION("a cancel that finds what the owner deleted may say that it was there")
    {
        s.by_hand("delete", "u", "deleteditems", "First", "k1");
        s.ask("c2", "event.cancel", {}, {{"existed", true}});
        s.hold("deleteditems", "First", "c1");
        CHECK(s.verdict() == std::vector<std::string>{});
    }
}

TEST_CASE("an item of a known UID that is made again is wrong, however the first one ended", "[unit][chaos]")
{
    story s;
    s.create();
    s.by_hand("delete", "u", "deleteditems", "First", "k1");
    s.write("create", "c1");
    s.tell("request", "c1");
    s.hold("deleteditems", "First", "c1");
    s.hold("calendar", "First", "c1");
    CHECK(mentions(s.verdict(), "c1 (event.create) was applied twice"));
    CHECK(mentions(s.verdict(), "there are 2 items with the UID u"));
}

TEST_CASE("the agent that had a command first may tell of what the next one removed", "[unit][chaos]")
{
    story s;
    s.create();
    s.commands.back().given_on = true;
    s.commands.back().agent = "b";
    s.cancel("c2", "c1");
    s.commands.back().agent = "b";
    s.hold("deleteditems", "First", "c1");
    s.seen.told.push_back({{"event", "event.changed"}, {"data", {{"event_id", "e"}, {"change", "deleted"}}}});
    CHECK(s.verdict().empty());
}

TEST_CASE("an old copy of the queue may tell of what its later life removed, and of nothing else",
          "[unit][chaos]")
{
    story s;
    s.create();
    s.cancel("c2", "c1");
    s.hold("deleteditems", "First", "c1");
    s.seen.told.push_back({{"event", "event.changed"}, {"data", {{"event_id", "e"}, {"change", "deleted"}}}});
    CHECK(mentions(s.verdict(), "deleted by hand, which nobody did"));
    SECTION("the copy was made before the removal")
    {
        s.seen.lost.push_back({2, 4});
        CHECK(s.verdict().empty());
    }
    SECTION("the copy was made after it, or put back before it")
    {
        s.seen.lost = {{0, 2}, {3, 9}};
        CHECK(mentions(s.verdict(), "deleted by hand, which nobody did"));
    }
}

TEST_CASE("the cloud is told of deeds by hand that were done, and of no others", "[unit][chaos]")
{
    story s;
    s.create();
    s.by_hand("copy", "v", "calendar", "First", "k1");
    s.by_hand("edit", "v", "calendar", "First", "k2");
    s.hold("calendar", "First", "c1", "v", "k2");
    const auto tell_of = [&](const char* change) {
        s.seen.told.push_back(json::object{{"data", json::object{{"change", change}}}});
    };
    SECTION("the copy is none of the cloud's business")
    {
        s.hold("calendar", "First", "c1");
        tell_of("moved");
        CHECK(mentions(s.verdict(), "told that it was moved by hand, which nobody did"));
    }
    SECTION("the item is")
    {
        s.by_hand("delete", "u", "deleteditems", "First", "k3");
        s.hold("deleteditems", "First", "c1");
        tell_of("deleted");
        CHECK(s.verdict() == std::vector<std::string>{});
        tell_of("moved");
        CHECK(mentions(s.verdict(), "moved by hand"));
    }
}

TEST_CASE("a write ends with what passes by itself only where its time is short", "[unit][chaos]")
{
    story s;
    auto& c = s.ask("c1", "event.create", {{"subject", "First"}}, {});
    story::fail(c, "exchange_unavailable");
    CHECK(mentions(s.verdict(), "c1 (event.create) ended with exchange_unavailable long before its time"));
    s.commands[0].ttl_ms = 300;
    CHECK(s.verdict() == std::vector<std::string>{});
}

TEST_CASE("what Exchange saved without telling anybody may be told once, later, or never", "[unit][chaos]")
{
    story s;
    s.create();
    s.seen.notifications.clear();
    s.seen.writes[0].as_object()["unsent"] = true;
    s.hold("calendar", "First", "c1");
    CHECK(s.verdict() == std::vector<std::string>{});
    s.write("update", "c1");
    s.tell("request", "c1");
    CHECK(s.verdict() == std::vector<std::string>{});
    SECTION("not twice")
    {
        s.tell("request", "c1");
        CHECK(mentions(s.verdict(), "was told request c1 too often"));
    }
    SECTION("nor by a second write after that")
    {
        s.write("update", "c1");
        CHECK(mentions(s.verdict(), "c1 (event.create) was applied twice"));
    }
}
