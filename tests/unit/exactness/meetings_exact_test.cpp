// Meetings against an independent model: random ones are created, changed, read and cancelled, and each time the
// event is what the cloud made of it, and exactly those were told who should have been.
#include "tests/support/random_meetings.hpp"
#include "tests/unit/exactness/in_process_exchange.hpp"

#include <algorithm>

using namespace relay;
using namespace relay::test;

namespace {

const meeting_choices choices{{"user1@corp.example", "user2@corp.example", "guest@elsewhere.example",
                               "other.guest@elsewhere.example", "board@corp.example"},
                              true};

struct meetings_fixture : exact_fixture {
    std::map<std::string, std::string> names;
    std::size_t seen = 0;

    meetings_fixture()
    {
        for (const auto* known : {"user1@corp.example", "user2@corp.example", "board@corp.example"}) {
            sim.mailbox(known).display_name = "The one and only " + std::string(known);
            names[known] = sim.mailbox(known).display_name;
        }
    }

    // "KIND ADDRESS" of the messages since the last call, sorted.
    std::vector<std::string> told()
    {
        std::vector<std::string> messages;
        const auto& all = sim.book.notifications();
        for (; seen < all.size(); ++seen)
            messages.push_back(std::string(exchange_sim::to_string(all[seen].kind)) + " " + all[seen].to);
        std::ranges::sort(messages);
        return messages;
    }

    json::object read(const std::string& event_id)
    {
        const auto result = call("event.get", {{"event_id", event_id}});
        INFO(json::serialize(result).substr(0, 1000));
        REQUIRE(result.at("ok").as_bool());
        auto output = result.at("output").as_object();
        output.erase("responses");
        return output;
    }
};

// Values compare without regard to the order of keys; the message names what differs.
void check_same(const json::object& got, const json::object& wanted)
{
    for (const auto& [key, value] : wanted) {
        INFO(std::string_view(key));
        const auto* found = got.if_contains(key);
        REQUIRE(found != nullptr);
        if (*found != value)
            CHECK(json::serialize(*found) == json::serialize(value));
    }
    for (const auto& [key, value] : got) {
        INFO(std::string_view(key) << " " << json::serialize(value));
        CHECK(wanted.contains(key));
    }
}

} // namespace

TEST_CASE_METHOD(meetings_fixture,
                 "an event is what was last made of it, and exactly those concerned were told",
                 "[unit][exactness]")
{
    random_source random(Catch::rngSeed());
    INFO("seed " << Catch::rngSeed());
    int turned_down = 0, changed = 0;
    for (int round = 0; round < 250; ++round) {
        const auto event_id = "e-" + std::to_string(round);
        meeting_model model(names);
        const auto create = random_create(random, event_id, choices);
        INFO("create " << json::serialize(create).substr(0, 3000));
        REQUIRE(call("event.create", create).at("ok").as_bool());
        model.create(create);
        check_same(read(event_id), model.expected());
        CHECK(told() == model.take_told());
        for (auto updates = pick(random, 0, 7); updates > 0; --updates) {
            const auto update = random_update(random, event_id, model, choices);
            INFO("update " << json::serialize(update).substr(0, 3000));
            const auto result = call("event.update", update);
            if (model.update(update)) {
                REQUIRE(result.at("ok").as_bool());
                ++changed;
            } else {
                REQUIRE_FALSE(result.at("ok").as_bool());
                CHECK(result.at("error").at("code") == "invalid_request");
                ++turned_down;
            }
            check_same(read(event_id), model.expected());
            CHECK(told() == model.take_told());
        }
        const json::object cancel{{"event_id", event_id}, {"notify", chance(random, 50) ? "all" : "none"}};
        REQUIRE(call("event.cancel", cancel).at("ok").as_bool());
        model.cancel(cancel);
        CHECK(told() == model.take_told());
    }
    CHECK(changed > 500);
    CHECK(turned_down > 5);
}

TEST_CASE_METHOD(meetings_fixture,
                 "people hear of nothing but their own coming and going where only that is to be told",
                 "[unit][exactness]")
{
    const auto people = [](std::initializer_list<const char*> list) {
        json::array out;
        for (const auto* email : list)
            out.push_back(json::object{{"email", email}});
        return out;
    };
    call("event.create", {{"event_id", "e"},
                          {"subject", "S"},
                          {"start", "2026-11-23T09:00:00Z"},
                          {"end", "2026-11-23T10:00:00Z"},
                          {"attendees", people({"user1@corp.example", "user2@corp.example"})}});
    CHECK(told() == std::vector<std::string>{"request user1@corp.example", "request user2@corp.example"});
    const auto update = [&](json::object set) {
        CHECK(call("event.update", {{"event_id", "e"}, {"set", std::move(set)}, {"notify", "changed"}})
                  .at("ok")
                  .as_bool());
    };
    update({{"start", "2026-11-23T08:00:00Z"}});
    CHECK(told().empty());
    CHECK(read("e").at("start") == "2026-11-23T08:00:00Z");
    update({{"subject", "New"}, {"attendees", people({"user1@corp.example", "guest@elsewhere.example"})}});
    CHECK(told() == std::vector<std::string>{"cancel user2@corp.example", "update guest@elsewhere.example"});
    CHECK(read("e").at("subject") == "New");
    // The newcomer was invited to the meeting as it is now.
    CHECK(sim.book.notifications().back().subject == "New");
    // Another role, another order: nobody comes or goes.
    update(
        {{"location", "Hall"},
         {"attendees", json::array{json::object{{"email", "guest@elsewhere.example"}, {"role", "optional"}},
                                   json::object{{"email", "user1@corp.example"}}}}});
    CHECK(told().empty());
    update({{"attendees", nullptr}, {"location", nullptr}});
    CHECK(told() == std::vector<std::string>{"cancel guest@elsewhere.example", "cancel user1@corp.example"});
}

TEST_CASE_METHOD(meetings_fixture, "an update in two steps is done once, whatever becomes of either",
                 "[unit][exactness]")
{
    call("event.create", {{"event_id", "e"},
                          {"subject", "S"},
                          {"start", "2026-11-23T09:00:00Z"},
                          {"end", "2026-11-23T10:00:00Z"},
                          {"attendees", json::array{json::object{{"email", "user1@corp.example"}}}}});
    told();
    const json::object update{{"event_id", "e"},
                              {"set",
                               {{"subject", "New"},
                                {"attendees", json::array{json::object{{"email", "user1@corp.example"}},
                                                          json::object{{"email", "user2@corp.example"}}}}}},
                              {"notify", "changed"}};
    // Refused between the two: the event is asked for, then changed in silence, then refused.
    sim.requests.clear();
    sim.before = [&](const std::string& operation) {
        return operation == "UpdateItem" && sim.requests["UpdateItem"] == 2
                   ? "ErrorInternalServerTransientError"
                   : "";
    };
    send("u", "event.update", update);
    for (int i = 0; i < 20 && result("u") == nullptr; ++i)
        time.advance(30s);
    REQUIRE(ok("u"));
    CHECK(told() == std::vector<std::string>{"update user2@corp.example"});
    CHECK(read("e").at("subject") == "New");
}

TEST_CASE_METHOD(meetings_fixture, "a room answers for itself, and is taken while it holds the meeting",
                 "[unit][exactness]")
{
    sim.mailbox("room@corp.example").is_room = true;
    const auto book = [&](const char* id, const char* start, const char* end) {
        call(
            "event.create",
            {{"event_id", id},
             {"subject", "S"},
             {"start", start},
             {"end", end},
             {"attendees", json::array{json::object{{"email", "room@corp.example"}, {"role", "resource"}}}}});
        const auto got = call("event.get", {{"event_id", id}});
        return std::string(got.at("output").at("responses").at(0).at("response").as_string());
    };
    const auto taken = [&] {
        const auto got = call("availability.get", {{"mailboxes", json::array{"room@corp.example"}},
                                                   {"start", "2026-11-23T00:00:00Z"},
                                                   {"end", "2026-11-24T00:00:00Z"}});
        return json::serialize(got.at("output").at("mailboxes").at(0).at("busy"));
    };
    CHECK(book("first", "2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z") == "accepted");
    CHECK(book("second", "2026-11-23T09:30:00Z", "2026-11-23T10:30:00Z") == "declined");
    CHECK(book("third", "2026-11-23T10:00:00Z", "2026-11-23T11:00:00Z") == "accepted");
    CHECK(taken() == R"([{"start":"2026-11-23T09:00:00Z","end":"2026-11-23T11:00:00Z","status":"busy"}])");
    call("event.update", {{"event_id", "first"},
                          {"set", {{"start", "2026-11-23T08:00:00Z"}, {"end", "2026-11-23T08:30:00Z"}}}});
    call("event.cancel", {{"event_id", "third"}});
    CHECK(taken() == R"([{"start":"2026-11-23T08:00:00Z","end":"2026-11-23T08:30:00Z","status":"busy"}])");
    call("event.update", {{"event_id", "first"}, {"set", {{"attendees", nullptr}}}});
    CHECK(taken() == "[]");
}

TEST_CASE_METHOD(meetings_fixture,
                 "both zones of an item stay what somebody made them, unless another is asked for",
                 "[unit][exactness]")
{
    call("event.create", {{"event_id", "e"},
                          {"subject", "S"},
                          {"start", "2026-10-24T08:00:00Z"},
                          {"end", "2026-10-24T09:00:00Z"},
                          {"time_zone", "Europe/Berlin"}});
    auto* item = sim.store.find(sim.book.writes().back().item_id);
    REQUIRE(item != nullptr);
    CHECK(item->start_time_zone == "W. Europe Standard Time");
    CHECK(item->end_time_zone == "W. Europe Standard Time");
    // Over the end of summer time, the start alone.
    call("event.update", {{"event_id", "e"}, {"set", {{"end", "2026-10-25T09:00:00Z"}}}});
    call("event.update", {{"event_id", "e"}, {"set", {{"start", "2026-10-25T00:30:00Z"}}}});
    CHECK(rfc3339(item->start.time_since_epoch() / 1min) == "2026-10-25T00:30:00Z");
    CHECK(rfc3339(item->end.time_since_epoch() / 1min) == "2026-10-25T09:00:00Z");
    // In Outlook it becomes a flight to another zone.
    item->end_time_zone = "Nepal Standard Time";
    call("event.update", {{"event_id", "e"}, {"set", {{"start", "2026-10-25T01:30:00Z"}}}});
    CHECK(item->start_time_zone == "W. Europe Standard Time");
    CHECK(item->end_time_zone == "Nepal Standard Time");
    CHECK(read("e").at("time_zone") == "Europe/Berlin");
    call("event.update", {{"event_id", "e"}, {"set", {{"time_zone", "Australia/Lord_Howe"}}}});
    CHECK(item->start_time_zone == "Lord Howe Standard Time");
    CHECK(item->end_time_zone == "Lord Howe Standard Time");
    CHECK(rfc3339(item->start.time_since_epoch() / 1min) == "2026-10-25T01:30:00Z");
}
