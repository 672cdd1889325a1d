// What counts as a change that others made to one of the agent's tracked events.
#include "agent/watch/event_changes.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

using namespace relay;
using ews::answer;

namespace {

namespace json = boost::json;

const auto nine = utc_time(1'796'115'600'000ms); // 2026-12-01T09:00:00Z

store::tracked_event booked()
{
    store::tracked_event e;
    e.place = 7;
    e.version = 3;
    e.event_id = "e-1";
    e.mailbox = "Host@corp.example";
    e.item_id = "item";
    e.start = nine;
    e.end = nine + 30min;
    e.sure = true;
    e.command_id = "c-1";
    return e;
}

ews::item_state state(utc_time start, utc_time end, std::vector<ews::attendee_answer> answers = {})
{
    return {start, end, std::move(answers), false, "c-1"};
}

std::optional<store::event_observation> alive(const store::tracked_event& known, const ews::item_state& now,
                                              const std::string& item_id)
{
    return watch::seen_alive(known, now, item_id, known.elsewhere);
}

// "moved 2026-12-01T10:00:00Z [a@x accepted]"
std::vector<std::string> published(const store::event_observation& s)
{
    std::vector<std::string> all;
    for (const auto& news : s.publish) {
        const auto frame = json::parse(news.body).as_object();
        CHECK(frame.at("event") == "event.changed");
        const auto data = frame.at("data").as_object();
        CHECK(data.at("event_id") == "e-1");
        CHECK(data.at("mailbox") == "Host@corp.example");
        std::string text(data.at("change").as_string());
        if (data.contains("start"))
            text += " " + std::string(data.at("start").as_string());
        if (data.contains("series"))
            text += " series";
        for (const auto& r : data.at("responses").as_array())
            text += " " + std::string(r.at("email").as_string()) + "=" +
                    std::string(r.at("response").as_string());
        all.push_back(std::move(text));
    }
    return all;
}

// What the store knows after `s`.
store::tracked_event after(store::tracked_event e, const store::event_observation& s)
{
    e.item_id = s.item_id;
    e.start = s.start;
    e.end = s.end;
    e.answers = s.answers;
    e.sure = true;
    return e;
}

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("an event that is as the agent wrote it is no news", "[unit][watch]")
{
    CHECK_FALSE(alive(booked(), state(nine, nine + 30min), "item"));
    CHECK_FALSE(alive(booked(), state(nine, nine + 30min, {{"a@x", answer::none}}), "item"));
    // Exchange may keep times without seconds.
    CHECK_FALSE(alive(booked(), state(nine + 59s, nine + 30min - 59s), "item"));
}

TEST_CASE("another start or end is a move", "[unit][watch]")
{
    const auto later = alive(booked(), state(nine + 1h, nine + 90min, {{"a@x", answer::none}}), "item");
    REQUIRE(later);
    CHECK(published(*later) == lines{"moved 2026-12-01T10:00:00Z a@x=none"});
    CHECK((later->place == 7 && later->version == 3 && !later->gone));
    CHECK_FALSE(alive(after(booked(), *later), state(nine + 1h, nine + 90min), "item"));

    const auto longer = alive(booked(), state(nine, nine + 31min), "item");
    REQUIRE(longer);
    CHECK(published(*longer) == lines{"moved 2026-12-01T09:00:00Z"});
}

TEST_CASE("an answer is told once, and again when it changes", "[unit][watch]")
{
    auto known = booked();
    const auto one = state(nine, nine + 30min, {{"A@x", answer::accepted}, {"b@x", answer::none}});
    const auto first = alive(known, one, "item");
    REQUIRE(first);
    CHECK(published(*first) == lines{"responded 2026-12-01T09:00:00Z A@x=accepted b@x=none"});
    known = after(known, *first);
    CHECK_FALSE(alive(known, one, "item"));

    const auto second =
        alive(known, state(nine, nine + 30min, {{"a@x", answer::declined}, {"b@x", answer::none}}), "item");
    REQUIRE(second);
    CHECK(published(*second) == lines{"responded 2026-12-01T09:00:00Z a@x=declined b@x=none"});
}

TEST_CASE("an attendee who goes, or whose answer a change of ours takes back, has not answered",
          "[unit][watch]")
{
    auto known = booked();
    const auto accepted = alive(known, state(nine, nine + 30min, {{"a@x", answer::accepted}}), "item");
    known = after(known, *accepted);
    const auto taken_back = alive(known, state(nine, nine + 30min, {{"a@x", answer::none}}), "item");
    REQUIRE(taken_back);
    CHECK(taken_back->publish.empty());
    known = after(known, *taken_back);
    const auto again = alive(known, state(nine, nine + 30min, {{"a@x", answer::accepted}}), "item");
    REQUIRE(again);
    CHECK(published(*again) == lines{"responded 2026-12-01T09:00:00Z a@x=accepted"});
}

TEST_CASE("a move and an answer at once are two events", "[unit][watch]")
{
    const auto seen = alive(booked(), state(nine + 1h, nine + 2h, {{"a@x", answer::tentative}}), "item");
    REQUIRE(seen);
    CHECK(published(*seen) ==
          lines{"moved 2026-12-01T10:00:00Z a@x=tentative", "responded 2026-12-01T10:00:00Z a@x=tentative"});
    CHECK(seen->publish[0].change != seen->publish[1].change);
}

TEST_CASE("times after an uncertain write of ours, and another folder, are taken in silence", "[unit][watch]")
{
    auto known = booked();
    known.sure = false;
    const auto seen = alive(known, state(nine + 1h, nine + 2h), "item");
    REQUIRE(seen);
    CHECK(seen->publish.empty());
    CHECK((seen->start == nine + 1h && seen->end == nine + 2h));

    const auto elsewhere = alive(booked(), state(nine, nine + 30min), "item-2");
    REQUIRE(elsewhere);
    CHECK(elsewhere->publish.empty());
    CHECK(elsewhere->item_id == "item-2");
}

TEST_CASE("of a deleted event is told what was known of it", "[unit][watch]")
{
    auto known = booked();
    known.answers = R"([{"email":"a@x","response":"accepted"}])";
    const auto seen = watch::seen_deleted(known, "c-1");
    CHECK(seen.gone);
    CHECK(published(seen) == lines{"deleted 2026-12-01T09:00:00Z a@x=accepted"});
    known.sure = false;
    known.answers = "not JSON";
    CHECK(published(watch::seen_deleted(known, "c-1")) == lines{"deleted"});
}

TEST_CASE("what another agent wrote is left to it, and taken in silence where our own times are not known",
          "[unit][watch]")
{
    auto theirs = state(nine + 1h, nine + 2h, {{"a@x", answer::accepted}});
    theirs.command_id = "of another";
    const auto left = alive(booked(), theirs, "item");
    REQUIRE(left);
    CHECK((left->gone && left->publish.empty()));
    CHECK(watch::seen_deleted(booked(), "of another").publish.empty());

    auto known = booked();
    known.sure = false;
    const auto taken = alive(known, theirs, "item");
    REQUIRE(taken);
    CHECK_FALSE(taken->gone);
    CHECK((taken->start == nine + 1h && taken->command_id == "of another"));
}

TEST_CASE("an item that comes to lie elsewhere is noted, without news", "[unit][watch]")
{
    const auto seen = watch::seen_alive(booked(), state(nine, nine + 30min), "item", true);
    REQUIRE(seen);
    CHECK((seen->elsewhere && seen->publish.empty() && !seen->gone));
}

TEST_CASE("that somebody made a series of it is told once, and that it is none any more", "[unit][watch]")
{
    auto known = booked();
    auto now = state(nine, nine + 30min);
    now.series = true;
    auto seen = alive(known, now, "item");
    REQUIRE(seen);
    CHECK(published(*seen) == std::vector<std::string>{"moved 2026-12-01T09:00:00Z series"});
    CHECK(seen->series);
    known.series = true;
    CHECK_FALSE(alive(known, now, "item"));
    now.start += 1h;
    now.end += 1h;
    CHECK(published(*alive(known, now, "item")) ==
          std::vector<std::string>{"moved 2026-12-01T10:00:00Z series"});
    known.start = now.start;
    known.end = now.end;
    now.series = false;
    CHECK(published(*alive(known, now, "item")) == std::vector<std::string>{"moved 2026-12-01T10:00:00Z"});
}
