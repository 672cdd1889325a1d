// A server, or a proxy before it, that mixes answers up on connections which stay open.
#include "tests/integration/scenario.hpp"

using namespace relay::test;

namespace {

json::object free_busy()
{
    return {{"mailboxes", {"user1@corp.example"}},
            {"start", "2026-12-01T00:00:00Z"},
            {"end", "2026-12-02T00:00:00Z"}};
}

// One connection for everything, so that whatever is left on it gets to the next who asks.
world_options one_connection(const std::string& auth = "basic")
{
    return {.config = {{"exchange.auth", "'" + auth + "'"},
                       {"exchange.max_connections", "1"},
                       {"exchange.streaming", "false"},
                       {"exchange.timeout_s", "3"}},
            .exchange_arguments = {},
            .cloud_arguments = {},
            .environment = {}};
}

void book(scenario& w, int from, int to)
{
    for (int i = from; i < to; ++i)
        REQUIRE(outcome(w.call("event.create", host, booking("b-" + std::to_string(i)))) == "ok");
}

bool is_in_calendar(scenario& w, std::string_view event)
{
    const auto items = w.items(host);
    return std::any_of(items.begin(), items.end(), [&](const auto& item) {
        return text_at(item, "/properties/WorkestraEventId") == event;
    });
}

} // namespace

TEST_CASE("a stray second answer on a kept connection is never taken for the answer to the next question",
          "[integration][mixed]")
{
    const auto auth = GENERATE(as<std::string>(), "basic", "ntlm");
    const bool named = GENERATE(true, false); // whether the server says whose answer it is
    scenario w(one_connection(auth));
    book(w, 0, 4);
    // The first question of each kind gets 500, and then, in TLS records of its own, what it asked for.
    w.faults({fault("GetItem", "after", "twice", {{"echo", named}}),
              fault("FindItem", "after", "twice", {{"echo", named}})});
    for (int i = 0; i < 4; ++i) {
        const auto event = "b-" + std::to_string(i);
        const auto r = w.call("event.get", host, {{"event_id", event}});
        INFO(auth << " " << named << " " << event << ": " << described(r));
        REQUIRE(outcome(r) == "ok");
        CHECK(text_at(r, "/output/event_id") == event);
    }
}

TEST_CASE("an event that exists is not told as missing by another question's answer", "[integration][mixed]")
{
    scenario w(one_connection());
    book(w, 0, 2);
    REQUIRE(outcome(w.call("event.get", host, {{"event_id", "no-such"}})) == "event_not_found");
    // What was found for no-such, nothing, is what the next question gets; with `after` its own answer follows.
    const std::string when = GENERATE("before", "after");
    w.faults({fault("FindItem", when, "foreign", {}, 2)});
    for (const char* event : {"b-0", "b-1"}) {
        const auto r = w.call("event.get", host, {{"event_id", event}});
        INFO(event << ": " << described(r));
        CHECK(outcome(r) == "ok");
    }
}

TEST_CASE("a cancel is not told as done, or as gone before, while the meeting stands in the calendar",
          "[integration][mixed]")
{
    const auto& [operation, when, ms] =
        GENERATE(table<std::string, std::string, int>({{"FindItem", "before", 0},
                                                       {"FindItem", "after", 0},
                                                       {"DeleteItem", "before", 0},
                                                       {"DeleteItem", "after", 0},
                                                       {"DeleteItem", "after", 300}}));
    scenario w(one_connection());
    book(w, 0, 3);
    REQUIRE(outcome(w.call("event.get", host, {{"event_id", "no-such"}})) == "event_not_found");
    REQUIRE(outcome(w.call("event.cancel", host, {{"event_id", "b-2"}})) ==
            "ok"); // has its answer to give away
    w.faults({fault(operation, when, "foreign", {{"ms", ms}}, 1)});
    for (const char* event : {"b-0", "b-1"}) {
        const auto r = w.call("event.cancel", host, {{"event_id", event}});
        INFO(operation << " " << when << " " << event << ": " << described(r));
        REQUIRE(outcome(r) == "ok");
        CHECK(at(r, "/output/existed").as_bool());
        CHECK_FALSE(is_in_calendar(w, event));
    }
    CHECK(w.ledger() == tally{.creates = 3, .deletes = 3, .invitations = 6, .cancellations = 6});
}

TEST_CASE("bookings whose answers are mixed up end as one meeting and one set of invitations each",
          "[integration][mixed]")
{
    const bool named = GENERATE(true, false);
    scenario w(one_connection());
    book(w, 0, 1);
    const std::vector<json::object> faults{
        fault("CreateItem", "before", "foreign", {{"echo", named}, {"of", named ? "" : "FindItem"}}),
        fault("CreateItem", "after", "foreign", {{"echo", named}, {"of", named ? "" : "FindItem"}}),
        fault("CreateItem", "after", "twice", {{"echo", named}}),
        fault("CreateItem", "after", "twice", {{"echo", named}, {"ms", 200}}),
        fault("CreateItem", "after", "twice", {{"echo", named}, {"status", 200}, {"body", "<html/>"}}),
    };
    int bookings = 1;
    for (const auto& f : faults) {
        w.faults({f});
        const auto event = "b-" + std::to_string(bookings++);
        const auto r = w.call("event.create", host, booking(event));
        INFO(json::serialize(f) << " -> " << described(r));
        REQUIRE(outcome(r) == "ok");
        CHECK(is_in_calendar(w, event));
        CHECK(w.ledger() == tally{.creates = bookings, .invitations = 2 * bookings});
    }
}

TEST_CASE("free and busy times are never another request's", "[integration][mixed]")
{
    scenario w(one_connection());
    auto busy = free_busy();
    busy["mailboxes"] = json::array{"user2@corp.example"};
    w.exchange().post("/mailboxes/user2@corp.example/items", {{"subject", "x"},
                                                              {"start", "2026-12-01T09:00:00Z"},
                                                              {"end", "2026-12-01T10:00:00Z"},
                                                              {"busy", "Busy"}});
    REQUIRE(outcome(w.call("availability.get", "", free_busy())) == "ok"); // nothing
    w.faults({fault("GetUserAvailability", "after", "foreign", {}, 1)});
    for (int i = 0; i < 3; ++i) {
        const auto r = w.call("availability.get", "", busy);
        INFO(described(r));
        REQUIRE(outcome(r) == "ok");
        CHECK(at(r, "/output/mailboxes/0/busy").as_array().size() == 1);
    }
}
