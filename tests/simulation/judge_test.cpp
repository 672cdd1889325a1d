// The rules of the reference model that are easy to get wrong: what it must not let pass, and what it must.
#include "tests/simulation/reference.hpp"
#include "tests/support/manual_time.hpp"

#include <catch2/catch.hpp>

namespace {

using namespace relay;
using namespace relay::simulation;

constexpr auto lane = "a@corp.example/e-1";

struct court {
    boost::asio::io_context context{1};
    test::manual_time time{context};
    simulation::verdict verdict;
    reference judge{verdict, time, 120s};

    void accepted(const std::string& id, kind what, milliseconds ttl = 24h)
    {
        judge.made({id, what, "a@corp.example", "e-1", "meeting " + id, ttl, false});
        taken(id);
    }
    void taken(const std::string& id)
    {
        judge.delivered(id, {});
        judge.admitting(id);
        judge.stored(id);
    }
    void sent(const std::string& id)
    {
        judge.begun(id);
        judge.write_sent(lane, judge.find(id)->what, id);
    }
    void applied(const std::string& id)
    {
        judge.applied(lane, judge.find(id)->what, id, "meeting " + id, true);
    }
    void ends(const std::string& id, const std::string& what)
    {
        judge.finished(id, judge.last_seq() + 1,
                       R"({"type":"result","id":")" + id + R"(",)" + what + R"(,"attempts":1})");
    }
    void carried_out(const std::string& id)
    {
        sent(id);
        applied(id);
        ends(id, R"("ok":true,"output":{"existed":true})");
    }
    // Nothing that was sent before may still be under way.
    void older_copy(const reference::memory_ptr& m)
    {
        judge.agent_gone();
        judge.put_back(*m);
        time.advance(120s);
        judge.found_at_start(judge.last_seq() + 1);
    }
    std::string broken() const { return verdict.first(); }
};

TEST_CASE("a judge sees a create that an older copy of the store carries out again", "[simulation]")
{
    court c;
    c.accepted("c-1", kind::create);
    const auto copy = c.judge.remembered();
    c.carried_out("c-1");
    c.older_copy(copy);
    c.sent("c-1");
    CHECK(c.broken() == "");
    c.applied("c-1");
    CHECK(c.broken() == "c-1: took effect twice");
}

TEST_CASE("a judge lets an older copy apply an update again only where it was overtaken", "[simulation]")
{
    const bool overtaken = GENERATE(false, true);
    court c;
    c.accepted("c-1", kind::create);
    c.carried_out("c-1");
    c.accepted("c-2", kind::update);
    const auto copy = c.judge.remembered();
    c.carried_out("c-2");
    if (overtaken) {
        c.accepted("c-3", kind::update);
        c.carried_out("c-3");
    }
    c.older_copy(copy);
    c.sent("c-2");
    c.applied("c-2");
    CHECK(c.broken() == (overtaken ? "" : "c-2: took effect twice"));
}

TEST_CASE("a judge knows the numbers that an older copy goes on with", "[simulation]")
{
    court c;
    c.accepted("c-1", kind::create);
    c.carried_out("c-1");
    const auto copy = c.judge.remembered();
    c.accepted("c-2", kind::update);
    c.carried_out("c-2");
    c.older_copy(copy);
    CHECK(c.judge.last_seq() == 1);
    CHECK_FALSE(c.judge.is_stored("c-2"));
    // A new id numbers what is owed from 1.
    c.judge.acknowledged(1);
    c.judge.renewed();
    CHECK(c.judge.last_seq() == 0);
    CHECK(c.broken() == "");
}

TEST_CASE("a judge lets no write leave after its time, however the clocks were set", "[simulation]")
{
    court c;
    c.accepted("c-1", kind::create, 60s);
    c.judge.begun("c-1");
    c.time.advance(61s);
    c.judge.wall_clock_jumped(-1h); // a running agent does not look at it
    c.judge.write_sent(lane, kind::create, "c-1");
    CHECK(c.broken() == "c-1: was sent after its ttl");
}

TEST_CASE("a judge lets a restarted agent count a ttl by a wall clock that was set back", "[simulation]")
{
    court c;
    c.accepted("c-1", kind::create, 60s);
    CHECK_FALSE(c.judge.over_for_good("c-1"));
    c.time.advance(55s);
    c.judge.wall_clock_jumped(-1h);
    c.judge.agent_gone();
    c.judge.found_at_start(1);
    c.time.advance(50s);
    c.sent("c-1");
    CHECK(c.broken() == "");
    c.time.advance(24h);
    CHECK_FALSE(c.judge.over_for_good("c-1"));
}

TEST_CASE("a judge takes a wall clock that ran ahead for a reason to end a command", "[simulation]")
{
    const bool ahead = GENERATE(false, true);
    court c;
    c.accepted("c-1", kind::create);
    if (ahead)
        c.judge.wall_clock_jumped(std::chrono::hours(25));
    c.judge.finished(
        "c-1", 1,
        R"({"type":"result","id":"c-1","ok":false,"error":{"code":"deadline_exceeded"},"attempts":0})");
    CHECK(c.broken() == (ahead ? "" : "c-1: is told to be late before its time was over"));
}

TEST_CASE("a judge believes that an event is gone only where somebody took it away", "[simulation]")
{
    const bool trashed = GENERATE(false, true);
    court c;
    c.accepted("c-1", kind::create);
    c.carried_out("c-1");
    c.accepted("c-2", kind::update);
    if (trashed) { // and back again: either was true for a while
        c.judge.changed_by_hand(lane, std::nullopt, false);
        c.judge.changed_by_hand(lane, "meeting c-1", false);
    }
    c.judge.finished(
        "c-2", 2,
        R"({"type":"result","id":"c-2","ok":false,"error":{"code":"event_not_found"},"attempts":1})");
    CHECK(c.broken() == (trashed ? "" : "c-2: is told that its event does not exist"));
}

TEST_CASE("a judge counts invitations: once, or not at all where sending broke off", "[simulation]")
{
    const bool again = GENERATE(false, true);
    court c;
    c.accepted("c-1", kind::create);
    c.sent("c-1");
    c.judge.applied(lane, kind::create, "c-1", "meeting c-1", false);
    c.judge.sent_again(lane, "c-1", true);
    if (again)
        c.judge.sent_again(lane, "c-1", false);
    c.ends("c-1", R"("ok":true,"output":{})");
    CHECK(c.broken() == (again ? "c-1: its attendees were invited twice" : ""));
}

TEST_CASE("a judge minds a write that is sent without end", "[simulation]")
{
    court c;
    c.accepted("c-1", kind::create);
    for (int i = 0; i < 100 && c.verdict.holds(); ++i) {
        c.sent("c-1");
        c.time.advance(120s);
    }
    CHECK(c.broken() == "c-1: is sent again and again, without end");
}

} // namespace
