// Free/busy times and meetings exactly as they are, on the whole way: random ones against independent models, and
// the cases that people ask about.
#include "tests/integration/scenario.hpp"
#include "tests/support/random_meetings.hpp"

#include <algorithm>

using namespace relay::test;

namespace {

constexpr minute new_year = 29'453'760; // 2026-01-01T00:00:00Z
constexpr minute day = 24 * 60;

void add_mailbox(scenario& w, const std::string& email, json::object more = {})
{
    more["email"] = email;
    w.exchange().post("/mailboxes", more);
}

void add_item(scenario& w, const std::string& email, json::object item)
{
    item.emplace("subject", "x");
    w.exchange().post("/mailboxes/" + email + "/items", item);
}

json::object ask(scenario& w, const json::array& mailboxes, std::string_view start, std::string_view end)
{
    return w.call("availability.get", "", {{"mailboxes", mailboxes}, {"start", start}, {"end", end}});
}

// "START END STATUS; …" of one mailbox of an answer, or its error.
std::string busy_of(const json::object& result, std::size_t i = 0)
{
    if (outcome(result) != "ok")
        return described(result);
    const auto& entry = result.at("output").at("mailboxes").at(i).as_object();
    if (!entry.at("ok").as_bool())
        return text_at(entry.at("error"), "/exchange");
    std::string text;
    for (const auto& p : entry.at("busy").as_array())
        text += (text.empty() ? "" : "; ") + text_at(p, "/start") + " " + text_at(p, "/end") + " " +
                text_at(p, "/status");
    return text;
}

// "KIND ADDRESS" of the messages that Exchange sent since `seen`, sorted.
std::vector<std::string> told_since(scenario& w, std::size_t& seen)
{
    const auto ledger = w.exchange().get("/ledger");
    const auto& all = ledger.at("notifications").as_array();
    std::vector<std::string> messages;
    for (; seen < all.size(); ++seen)
        messages.push_back(text_at(all[seen], "/kind") + " " + text_at(all[seen], "/to"));
    std::ranges::sort(messages);
    return messages;
}

// Of the two the fields that differ; empty where they are the same event.
std::string differing(const json::object& got, const json::object& wanted)
{
    std::string text;
    for (const auto& [key, value] : wanted) {
        const auto* found = got.if_contains(key);
        if (found == nullptr || *found != value)
            text += std::string(key) + ": " + (found ? json::serialize(*found) : "absent") + " instead of " +
                    json::serialize(value) + "\n";
    }
    for (const auto& [key, value] : got)
        if (!wanted.contains(key) && key != "responses")
            text += std::string(key) + " should not be there\n";
    return text;
}

json::object event(scenario& w, std::string_view event_id)
{
    const auto r = w.call("event.get", host, {{"event_id", event_id}});
    INFO(described(r));
    REQUIRE(outcome(r) == "ok");
    return r.at("output").as_object();
}

} // namespace

TEST_CASE("random calendars are busy when they are busy, to the minute", "[integration]")
{
    scenario w;
    random_source random(Catch::rngSeed());
    INFO("seed " << Catch::rngSeed());
    int questions = 0;
    for (int round = 0; round < 25; ++round) {
        const auto from = new_year + pick(random, 0, 600) * day, to = from + pick(random, 1, 60) * day;
        std::vector<random_calendar> calendars;
        json::array addresses;
        for (int i = 0; i < 3; ++i) {
            calendars.push_back(make_calendar(random, from, to, 8));
            const auto email = "r" + std::to_string(round) + "-" + std::to_string(i) + "@corp.example";
            add_mailbox(w, email, {{"free_busy", i == 2 ? "merged" : "time"}});
            for (const auto& item : calendars.back().items)
                add_item(w, email, item.as_object());
            addresses.emplace_back(email);
        }
        for (int i = 0; i < 12; ++i, ++questions) {
            const auto start = pick(random, from, to - 20), end = pick(random, start + 1, to - 5);
            const auto r = ask(w, addresses, rfc3339(start), rfc3339(end));
            INFO(described(r) << ", round " << round << " from " << rfc3339(start) << " to " << rfc3339(end));
            REQUIRE(outcome(r) == "ok");
            for (std::size_t b = 0; b < calendars.size(); ++b) {
                INFO(json::serialize(calendars[b].items));
                const auto wanted = b == 2 ? merged_minutes({&calendars[b]}, start, end, 5)
                                           : minutes_of(calendars[b].taken, start, end);
                const auto got =
                    read_minutes(r.at("output").at("mailboxes").at(b).at("busy").as_array(), start, end);
                CHECK(got.wrong == "");
                CHECK(difference(got.minutes, wanted, start) == "");
            }
        }
    }
    CHECK(questions == 300);
}

TEST_CASE("meetings keep their wall clock over changes of clocks, wherever they were made", "[integration]")
{
    scenario w;
    int made = 0;
    const auto weekly = [&](std::string_view zone, std::string_view start, std::string_view end,
                            std::string_view weekday) {
        const auto email = "user" + std::to_string(++made) + "@corp.example";
        add_item(w, email,
                 {{"start_time_zone", zone},
                  {"start", start},
                  {"end", end},
                  {"recurrence", {{"pattern", "weekly"}, {"days", json::array{weekday}}, {"count", 3}}}});
        return busy_of(ask(w, {email}, "2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z"));
    };
    // Summer time ends on Sunday, 25 October, in Berlin: what was 07:00 UTC is 08:00 then.
    CHECK(weekly("W. Europe Standard Time", "2026-10-14T09:00:00", "2026-10-14T10:00:00", "Wednesday") ==
          "2026-10-14T07:00:00Z 2026-10-14T08:00:00Z busy; 2026-10-21T07:00:00Z 2026-10-21T08:00:00Z busy; "
          "2026-10-28T08:00:00Z 2026-10-28T09:00:00Z busy");
    // On Lord Howe it begins on 4 October, by half an hour: from 10:30 ahead to 11:00.
    CHECK(weekly("Lord Howe Standard Time", "2026-09-23T11:00:00", "2026-09-23T12:00:00", "Wednesday") ==
          "2026-09-23T00:30:00Z 2026-09-23T01:30:00Z busy; 2026-09-30T00:30:00Z 2026-09-30T01:30:00Z busy; "
          "2026-10-07T00:00:00Z 2026-10-07T01:00:00Z busy");
    // Adelaide: 9:30 ahead, 10:30 from 4 October on. Chatham: 12:45, 13:45 from 27 September on.
    CHECK(weekly("Cen. Australia Standard Time", "2026-09-30T09:30:00", "2026-09-30T10:00:00", "Wednesday") ==
          "2026-09-30T00:00:00Z 2026-09-30T00:30:00Z busy; 2026-10-06T23:00:00Z 2026-10-06T23:30:00Z busy; "
          "2026-10-13T23:00:00Z 2026-10-13T23:30:00Z busy");
    CHECK(
        weekly("Chatham Islands Standard Time", "2026-09-23T12:45:00", "2026-09-23T13:45:00", "Wednesday") ==
        "2026-09-23T00:00:00Z 2026-09-23T01:00:00Z busy; 2026-09-29T23:00:00Z 2026-09-30T00:00:00Z busy; "
        "2026-10-06T23:00:00Z 2026-10-07T00:00:00Z busy");
    // Kathmandu stays 5:45 ahead. A night shift over the change is an hour longer.
    CHECK(weekly("Nepal Standard Time", "2026-10-21T05:45:00", "2026-10-21T06:45:00", "Wednesday") ==
          "2026-10-21T00:00:00Z 2026-10-21T01:00:00Z busy; 2026-10-28T00:00:00Z 2026-10-28T01:00:00Z busy; "
          "2026-11-04T00:00:00Z 2026-11-04T01:00:00Z busy");
    CHECK(weekly("W. Europe Standard Time", "2026-10-17T22:00:00", "2026-10-18T06:00:00", "Saturday") ==
          "2026-10-17T20:00:00Z 2026-10-18T04:00:00Z busy; 2026-10-24T20:00:00Z 2026-10-25T05:00:00Z busy; "
          "2026-10-31T21:00:00Z 2026-11-01T05:00:00Z busy");
}

TEST_CASE("a series is busy where its occurrences are, moved and deleted ones too", "[integration]")
{
    scenario w;
    add_item(w, "user1@corp.example",
             {{"start_time_zone", "UTC"},
              {"start", "2026-01-30T09:00:00"},
              {"end", "2026-01-30T10:00:00"},
              {"recurrence",
               {{"pattern", "monthly"},
                {"days", json::array{"Friday"}},
                {"week", "Last"},
                {"count", 5},
                {"deleted", json::array{"2026-02-27"}},
                {"changed", json::array{{{"date", "2026-03-27"},
                                         {"start", "2026-03-30T14:00:00"},
                                         {"end", "2026-03-30T14:30:00"},
                                         {"busy", "OOF"}},
                                        {{"date", "2026-04-24"},
                                         {"start", "2026-04-24T09:00:00"},
                                         {"end", "2026-04-24T10:00:00"},
                                         {"busy", "Free"}}}}}}});
    add_item(w, "user1@corp.example",
             {{"all_day", true},
              {"start_time_zone", "Nepal Standard Time"},
              {"start", "2026-05-01"},
              {"end", "2026-05-02"},
              {"busy", "WorkingElsewhere"}});
    add_item(w, "user1@corp.example",
             {{"start", "2026-05-03T00:00:00Z"}, {"end", "2026-05-04T00:00:00Z"}, {"cancelled", true}});
    add_item(
        w, "user1@corp.example",
        {{"start", "2026-05-03T08:00:00Z"}, {"end", "2026-05-03T09:00:00Z"}, {"sensitivity", "Private"}});
    CHECK(busy_of(ask(w, {"user1@corp.example"}, "2026-01-01T00:00:00Z", "2026-12-01T00:00:00Z")) ==
          "2026-01-30T09:00:00Z 2026-01-30T10:00:00Z busy; 2026-03-30T14:00:00Z 2026-03-30T14:30:00Z oof; "
          "2026-04-30T18:15:00Z 2026-05-01T18:15:00Z working_elsewhere; "
          "2026-05-03T08:00:00Z 2026-05-03T09:00:00Z busy; 2026-05-29T09:00:00Z 2026-05-29T10:00:00Z busy");
}

TEST_CASE("rights, lists and broken mailboxes are told of, each mailbox by itself", "[integration]")
{
    scenario w({.config = {},
                .exchange_arguments = {"--mailboxes", "110"},
                .cloud_arguments = {},
                .environment = {}});
    json::array addresses;
    for (int i = 1; i <= 110; ++i) {
        const auto email = "user" + std::to_string(i) + "@corp.example";
        addresses.emplace_back(email);
        if (i % 10 == 0)
            add_item(w, email, {{"start", "2026-12-01T09:07:00Z"}, {"end", "2026-12-01T09:52:00Z"}});
    }
    add_mailbox(w, "user10@corp.example", {{"free_busy", "hidden"}});
    add_mailbox(w, "user20@corp.example", {{"free_busy", "none"}});
    add_mailbox(w, "user30@corp.example", {{"free_busy", "merged"}});
    add_mailbox(w, "user40@corp.example", {{"free_busy_failure", "ErrorMailboxStoreUnavailable"}});
    add_mailbox(w, "user50@corp.example", {{"free_busy", "time"}});
    add_mailbox(w, "team@corp.example",
                {{"members", json::array{"user50@corp.example", "user1@corp.example"}}});
    addresses.emplace_back("team@corp.example");
    const auto r = ask(w, addresses, "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z");
    CHECK(busy_of(r, 9) == "ErrorNoFreeBusyAccess");
    CHECK(busy_of(r, 19) == "ErrorNoFreeBusyAccess");
    CHECK(busy_of(r, 29) == "2026-12-01T09:05:00Z 2026-12-01T09:55:00Z busy"); // as exact as Exchange tells
    CHECK(busy_of(r, 39) == "ErrorMailboxStoreUnavailable");
    CHECK(busy_of(r, 110) == "2026-12-01T09:05:00Z 2026-12-01T09:55:00Z busy");
    for (const std::size_t fine : {49, 59, 69, 79, 89, 99, 109})
        CHECK(busy_of(r, fine) == "2026-12-01T09:07:00Z 2026-12-01T09:52:00Z busy");
    for (const std::size_t free : {0, 40, 100, 108})
        CHECK(busy_of(r, free) == "");
    CHECK(w.requests("GetUserAvailability") == 2);
}

TEST_CASE("a calendar with more entries than Exchange lists at once is read whole", "[integration]")
{
    scenario w;
    // Every 20 minutes for 50 days: 3,600 occurrences of 72 series, more than any window of 42 days may hold.
    for (int i = 0; i < 72; ++i)
        add_item(w, "user1@corp.example",
                 {{"start", rfc3339(new_year + i * 20)},
                  {"end", rfc3339(new_year + i * 20 + 10)},
                  {"recurrence", {{"pattern", "daily"}, {"count", 50}}}});
    const auto r =
        ask(w, {"user1@corp.example", "user2@corp.example"}, rfc3339(new_year), rfc3339(new_year + 60 * day));
    REQUIRE(outcome(r) == "ok");
    const auto busy = at(r, "/output/mailboxes/0/busy").as_array();
    REQUIRE(busy.size() == 3600);
    for (std::size_t i = 0; i < busy.size(); ++i) {
        const auto start = new_year + static_cast<minute>(i) * 20;
        if (text_at(busy[i], "/start") != rfc3339(start) || text_at(busy[i], "/end") != rfc3339(start + 10))
            FAIL("period " << i << " is " << json::serialize(busy[i]));
    }
    CHECK(busy_of(r, 1) == "");
}

TEST_CASE("random meetings are what the cloud made of them, and those are told whom it concerns",
          "[integration]")
{
    scenario w;
    random_source random(Catch::rngSeed());
    INFO("seed " << Catch::rngSeed());
    const meeting_choices choices{
        {"user1@corp.example", "user2@corp.example", "guest@elsewhere.example", "second@elsewhere.example"},
        false};
    const std::map<std::string, std::string> names{{"user1@corp.example", "User 1"},
                                                   {"user2@corp.example", "User 2"}};
    std::size_t seen = 0;
    for (int round = 0; round < 40; ++round) {
        const auto event_id = "e-" + std::to_string(round);
        meeting_model model(names);
        const auto create = random_create(random, event_id, choices);
        INFO("create " << json::serialize(create));
        REQUIRE(outcome(w.call("event.create", host, create)) == "ok");
        model.create(create);
        CHECK(differing(event(w, event_id), model.expected()) == "");
        CHECK(told_since(w, seen) == model.take_told());
        for (int i = 0; i < 4; ++i) {
            const auto update = random_update(random, event_id, model, choices);
            INFO("update " << json::serialize(update));
            const auto r = w.call("event.update", host, update);
            REQUIRE(outcome(r) == (model.update(update) ? "ok" : "invalid_request"));
            CHECK(differing(event(w, event_id), model.expected()) == "");
            CHECK(told_since(w, seen) == model.take_told());
        }
        const json::object cancel{{"event_id", event_id}, {"notify", round % 2 == 0 ? "all" : "none"}};
        REQUIRE(outcome(w.call("event.cancel", host, cancel)) == "ok");
        model.cancel(cancel);
        CHECK(told_since(w, seen) == model.take_told());
    }
}

TEST_CASE("a body of the largest size arrives byte for byte, with the link where people look for it",
          "[integration]")
{
    scenario w;
    std::string html = "<p dir=\"rtl\">\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xf0\x9f\x8e\x89 ]]> &amp; \r\n";
    while (html.size() < 256 * 1024 - 200)
        html += "0123456789 <b>\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb</b>\n";
    html.resize(256 * 1024 - 4, '.');
    html += "</p>";
    REQUIRE(html.size() == 256 * 1024);
    const std::string url = "https://meet.example/a?b=1&c='2'";
    auto params = booking("large");
    params["body"] = {{"format", "html"}, {"content", html}};
    params["online_meeting_url"] = url;
    const auto r = w.call("event.create", host, params);
    INFO(described(r));
    REQUIRE(outcome(r) == "ok");
    CHECK(text_at(event(w, "large"), "/body/content") == html);
    const auto item = w.items(host).at(0);
    CHECK_THAT(text_at(item, "/body/content"),
               Catch::Contains("href=\"https://meet.example/a?b=1&amp;c='2'\""));
    CHECK(text_at(item, "/location") == url);

    const auto update = [&](json::object set) {
        REQUIRE(outcome(w.call("event.update", host, {{"event_id", "large"}, {"set", std::move(set)}})) ==
                "ok");
        return w.items(host).at(0);
    };
    auto now = update({{"body", {{"format", "text"}, {"content", "  "}}}});
    CHECK_THAT(text_at(now, "/body/content"), Catch::Contains(url)); // a new body keeps the link
    CHECK(text_at(event(w, "large"), "/body/content") == "  ");
    now = update({{"location", "Hall"}});
    CHECK(text_at(now, "/location") == "Hall");
    now = update({{"location", nullptr}});
    CHECK(text_at(now, "/location") == url);
    now = update({{"online_meeting_url", nullptr}});
    CHECK(text_at(now, "/body/content") == "  ");
    CHECK(text_at(now, "/location") == "");
    CHECK_FALSE(event(w, "large").contains("location"));
    CHECK(text_at(event(w, "large"), "/body/content") == "  ");
}

TEST_CASE("a text that XML cannot carry is refused, and the message names the field", "[integration]")
{
    scenario w;
    REQUIRE(outcome(w.call("event.create", host, booking("b"))) == "ok");
    const std::vector<std::string> impossible{std::string("a\0b", 3), "a\x01",       "\x0b", "\x0c", "\x1f",
                                              "\xef\xbf\xbe",         "\xef\xbf\xbf"};
    std::size_t i = 0;
    const auto next = [&] { return impossible[i++ % impossible.size()]; };
    const std::vector<std::pair<std::string, json::object>> wrong{
        {"subject", {{"subject", next()}}},
        {"location", {{"location", next()}}},
        {"body.content", {{"body", {{"format", "text"}, {"content", next()}}}}},
        {"body.content", {{"body", {{"format", "html"}, {"content", next()}}}}},
        {"online_meeting_url", {{"online_meeting_url", "https://meet.example/" + next()}}},
        {"categories[1]", {{"categories", json::array{"fine", "not " + next()}}}},
        {"attendees[0].name", {{"attendees", json::array{{{"email", "a@b.example"}, {"name", next()}}}}}},
        {"attendees[0].email",
         {{"attendees", json::array{json::object{{"email", "a" + next() + "@b.example"}}}}}},
    };
    for (const auto& [field, set] : wrong) {
        auto params = booking("other");
        for (const auto& [key, value] : set)
            params[key] = value;
        const auto created = w.call("event.create", host, params);
        INFO(field << ": " << described(created));
        CHECK(outcome(created) == "invalid_request");
        CHECK(text_at(created, "/error/message").starts_with("params." + field + ":"));
        const auto updated = w.call("event.update", host, {{"event_id", "b"}, {"set", set}});
        CHECK(outcome(updated) == "invalid_request");
        CHECK(text_at(updated, "/error/message").starts_with("params.set." + field + ":"));
    }
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("organizer and attendees see the meeting in its zone, at its place", "[integration]")
{
    scenario w;
    add_mailbox(w, "room@corp.example", {{"kind", "room"}});
    auto params = booking("b", "2026-10-24T08:00:00+02:00", "2026-10-24T09:00:00+02:00");
    params["location"] = "Berlin";
    params["attendees"].as_array().push_back({{"email", "room@corp.example"}, {"role", "resource"}});
    REQUIRE(outcome(w.call("event.create", host, params)) == "ok");
    const auto last_message = [&] {
        return w.exchange().get("/ledger").at("notifications").as_array().back();
    };
    auto seen = last_message();
    CHECK(text_at(seen, "/start") == "2026-10-24T06:00:00Z");
    CHECK(text_at(seen, "/time_zone") == "W. Europe Standard Time");
    CHECK(text_at(seen, "/location") == "Berlin");
    CHECK(text_at(event(w, "b"), "/responses/2/response") == "accepted");
    CHECK(busy_of(ask(w, {"room@corp.example"}, "2026-10-24T00:00:00Z", "2026-10-26T00:00:00Z")) ==
          "2026-10-24T06:00:00Z 2026-10-24T07:00:00Z busy");
    // Past the end of summer time: first the end, then the start alone, then another zone.
    const auto update = [&](json::object set) {
        REQUIRE(outcome(w.call("event.update", host, {{"event_id", "b"}, {"set", std::move(set)}})) == "ok");
        return w.items(host).at(0);
    };
    update({{"end", "2026-10-25T10:00:00+01:00"}});
    auto item = update({{"start", "2026-10-25T09:00:00+01:00"}});
    CHECK(text_at(item, "/start") == "2026-10-25T08:00:00Z");
    CHECK(text_at(item, "/end") == "2026-10-25T09:00:00Z");
    CHECK(text_at(item, "/start_time_zone") == "W. Europe Standard Time");
    item = update({{"time_zone", "Australia/Lord_Howe"}});
    CHECK(text_at(item, "/start") == "2026-10-25T08:00:00Z");
    CHECK(text_at(item, "/start_time_zone") == "Lord Howe Standard Time");
    CHECK(text_at(item, "/end_time_zone") == "Lord Howe Standard Time");
    seen = last_message();
    CHECK(text_at(seen, "/time_zone") == "Lord Howe Standard Time");
    CHECK(text_at(event(w, "b"), "/time_zone") == "Australia/Lord_Howe");
    CHECK(outcome(w.call("event.cancel", host, {{"event_id", "b"}})) == "ok");
    CHECK(busy_of(ask(w, {"room@corp.example"}, "2026-10-24T00:00:00Z", "2026-10-26T00:00:00Z")) == "");
}
