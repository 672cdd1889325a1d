// What a cloud does with a command that nobody has answered: it goes out again on each new link, until an agent has accepted
// it in the store that the agent still has.
#include "tests/unit/cloud_sim/cloud_fixture.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::cloud_sim;

namespace {

const std::string another_store = "1f8fad5b-d9cb-469f-a165-70867728950e";
const std::string third_store = "2f8fad5b-d9cb-469f-a165-70867728950e";

struct giving : fixture {
    giving()
    {
        window = 8;
        behaviour b;
        b.give_again = true;
        sim.behave(b);
    }

    void lose(session& s) { sim.closed(s, std::nullopt); }

    static std::string without_number(std::string result)
    {
        return result.erase(result.find(R"("seq":1,)"), 8);
    }

    // What went out on the link after its welcome: ids, with a star where they are redelivered.
    static std::string given(const fake_link& on)
    {
        std::string all;
        for (const auto& f : on.sent)
            if (f.at("type") == "command") {
                all += (all.empty() ? "" : " ") + std::string(f.at("id").as_string());
                all += f.at("redelivered").as_bool() ? "*" : "";
            }
        return all;
    }
};

} // namespace

TEST_CASE_METHOD(giving,
                 "a write that got lost with its link goes out again on the next one, before what waits",
                 "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    post("w1", "event.create");
    post("r1", "event.get"); // for whoever wants it to ask again
    post("w2", "event.update");
    lose(s);
    post("w3", "event.update");
    fake_link next;
    connect(next);
    CHECK(given(next) == "w1 w2 w3");
    CHECK(rules() == "");
}

TEST_CASE_METHOD(giving, "a write that its store has accepted, or that is answered, is not given again",
                 "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    post("w1", "event.create");
    post("w2", "event.update");
    say(s, accepted("w1"));
    say(s, accepted("w2"));
    say(s, written("w2", 1));
    settle();
    lose(s);
    fake_link next;
    connect(next, 2);
    CHECK(given(next).empty());
}

TEST_CASE_METHOD(giving,
                 "what a store had accepted is given to each store that follows it until one accepts it",
                 "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    post("w1", "event.create");
    say(s, accepted("w1"));
    lose(s);
    store_id = another_store;
    fake_link second, third, fourth, fifth;
    auto& lost = connect(second);
    CHECK(given(second) == "w1*");
    lose(lost); // before the frame was read
    auto& taken = connect(third);
    CHECK(given(third) == "w1*");
    say(taken, accepted("w1"));
    lose(taken);
    lose(connect(fourth));
    CHECK(given(fourth).empty());
    store_id = third_store;
    connect(fifth);
    CHECK(given(fifth) == "w1*");
    CHECK(rules() == "");
}

TEST_CASE_METHOD(
    giving,
    "a command that was given to another agent is its own until it answers, whatever the first one says",
    "[unit][cloud_sim]")
{
    auto& first = connect(wire);
    post("w1", "event.create", "a1");
    say(first, accepted("w1"));
    agent_id = "b1";
    store_id = another_store;
    fake_link lost, again, after;
    auto& other = connect(lost);
    sim.find("w1")->agent = "b1";
    sim.send(*sim.find("w1"), true);
    lose(other);
    say(first, written("w1", 1));
    settle();
    CHECK(sim.find("w1")->state == command_state::finished);
    auto& back = connect(again);
    CHECK(given(again) == "w1*");
    say(back, accepted("w1"));
    say(back, written("w1", 1));
    settle();
    lose(back);
    lose(connect(after, 2));
    CHECK(given(after).empty());
    CHECK(rules() == "");
}

TEST_CASE_METHOD(giving, "the first agent is not given again what the cloud has given to another one",
                 "[unit][cloud_sim]")
{
    auto& first = connect(wire);
    post("w1", "event.create", "a1");
    say(first, accepted("w1"));
    sim.find("w1")->agent = "b1";
    lose(first);
    store_id = another_store;
    fake_link next;
    connect(next);
    CHECK(given(next).empty());
}

TEST_CASE_METHOD(giving, "a cloud that was put back gives again what it has lost the result of",
                 "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    post("w1", "event.create");
    post("w2", "event.update");
    say(s, accepted("w1"));
    say(s, written("w1", 1));
    settle();
    lose(s);
    fake_link second, same, other;
    auto& late = connect(second, 3, 1);
    say(late, written("w2", 2)); // which implies that it was accepted
    settle();
    const auto unanswered = sim.set_back(*sim.newest_store(), 0);
    CHECK(unanswered == std::vector<std::string>{"w1", "w2"});
    lose(late);
    auto& again = connect(same, 3, 2); // it knows of no `accepted` of the second one
    CHECK(given(same) == "w2");
    lose(again);
    store_id = another_store;
    connect(other);
    CHECK(given(other) == "w1* w2*");
    CHECK(rules() == "");
}

TEST_CASE_METHOD(
    giving, "what a cloud that was put back gives again may be answered from the history, without a number",
    "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    post("w1", "event.create");
    say(s, accepted("w1"));
    say(s, written("w1", 1));
    settle();
    sim.set_back(*sim.newest_store(), 0);
    lose(s);
    store_id = another_store;
    fake_link other;
    auto& renewed = connect(other);
    CHECK(given(other) == "w1*");
    say(renewed, without_number(written("w1", 1)));
    settle();
    CHECK(sim.find("w1")->state == command_state::finished);
    CHECK(rules() == "");
}

TEST_CASE_METHOD(giving, "what comes on a link from before the cloud was put back reaches nobody",
                 "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    post("w1", "event.create");
    say(s, accepted("w1"));
    say(s, written("w1", 1));
    settle();
    auto& store = *sim.newest_store();
    sim.set_back(store, 0);
    say(s, written("w1", 7)); // was under way
    say(s, R"({"type":"goodbye","reason":"shutdown"})");
    settle();
    sim.closed(s, 1001);
    CHECK(store.received == 0);
    CHECK(rules() == "");
}

TEST_CASE_METHOD(giving, "a cloud that was put back keeps the answer of another agent", "[unit][cloud_sim]")
{
    auto& first = connect(wire);
    post("w1", "event.create", "a1");
    say(first, accepted("w1"));
    say(first, written("w1", 1));
    settle();
    agent_id = "b1";
    store_id = another_store;
    fake_link second;
    auto& other = connect(second);
    sim.find("w1")->agent = "b1";
    sim.send(*sim.find("w1"), true);
    say(other, accepted("w1"));
    say(other, written("w1", 1));
    settle();
    CHECK(sim.set_back(*sim.find_store("0f8fad5b-d9cb-469f-a165-70867728950e"), 0).empty());
    CHECK(sim.find("w1")->state == command_state::finished);
    CHECK(sim.find("w1")->to("a1")->answer.empty());
    CHECK_FALSE(sim.find("w1")->to("b1")->answer.empty());
}

TEST_CASE_METHOD(giving, "nothing goes out to a store that was told that it is an old copy",
                 "[unit][cloud_sim]")
{
    auto& s = connect(wire);
    post("w1", "event.create");
    say(s, accepted("w1"));
    say(s, written("w1", 1));
    settle();
    lose(s);
    post("w2", "event.update");
    fake_link copy, renewed;
    lose(connect(copy, 1));
    CHECK(given(copy).empty());
    store_id = another_store;
    connect(renewed);
    CHECK(given(renewed) == "w2");
    CHECK(rules() == "");
}
