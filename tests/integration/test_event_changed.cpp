// What hosts do by hand to the events that the agent made, on the whole way: told once, in time, and never for what the
// agent did itself.
#include "tests/integration/scenario.hpp"

#include <boost/json/serialize.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include <map>
#include <thread>

using namespace relay::test;

namespace {

using lines = std::vector<std::string>;

// In the order of seq: "moved e-1 2026-12-01T11:00:00Z user1@corp.example=accepted".
lines told(relay_world& w)
{
    std::map<std::int64_t, std::string> by_seq;
    const auto events = w.cloud().get("/events");
    for (const auto& event : events.as_array()) {
        if (at(event, "/event") != "event.changed")
            continue;
        const auto data = at(event, "/data").as_object();
        auto text = text_at(data, "/change") + " " + text_at(data, "/event_id");
        CHECK(text_at(data, "/mailbox") == host);
        if (data.contains("start"))
            text += " " + text_at(data, "/start");
        for (const auto& r : data.at("responses").as_array())
            if (r.at("response") != "none")
                text += " " + text_at(r, "/email") + "=" + text_at(r, "/response");
        by_seq[at(event, "/seq").as_int64()] = text;
    }
    lines all;
    for (auto& [seq, text] : by_seq)
        all.push_back(std::move(text));
    return all;
}

bool told_in_time(relay_world& w, const lines& what, std::chrono::milliseconds limit = 5s)
{
    const bool done = eventually([&] { return told(w).size() >= what.size(); }, limit);
    CHECK(told(w) == what);
    return done;
}

std::string path_of(const json::object& item)
{
    return "/mailboxes/" + std::string(host) + "/items/" +
           boost::urls::encode(text_at(item, "/id"), boost::urls::unreserved_chars);
}

json::object the_item(relay_world& w)
{
    const auto items = w.items(host);
    REQUIRE(items.size() == 1);
    return items.front().as_object();
}

// The host moves the meeting in Outlook, by `minutes` past ten.
void move(relay_world& w, int minutes)
{
    const auto at_minute =
        "2026-12-01T10:" + std::string(minutes < 10 ? "0" : "") + std::to_string(minutes) + ":00Z";
    w.exchange().patch(path_of(the_item(w)), {{"start", at_minute}, {"end", "2026-12-01T11:30:00Z"}});
}

void answer(relay_world& w, std::string_view response)
{
    auto required = the_item(w).at("required").as_array();
    REQUIRE(!required.empty());
    required.front().as_object()["response"] = response;
    w.exchange().patch(path_of(the_item(w)), {{"required", required}});
}

// Waits until the agent follows the host's mailbox by notifications.
void followed(relay_world& w)
{
    REQUIRE(eventually([&] { return at(w.exchange().get("/streaming"), "/streams") == 1; }));
    std::this_thread::sleep_for(1s); // and has looked once more, as something may have happened before
}

void book(relay_world& w)
{
    const auto r = w.call("event.create", host, booking("e-1"));
    INFO(described(r));
    REQUIRE(outcome(r) == "ok");
}

} // namespace

TEST_CASE("what people do to an event in Outlook is told within seconds", "[integration]")
{
    scenario w;
    book(w);
    followed(w);
    CHECK(told(w).empty());
    move(w, 15);
    REQUIRE(told_in_time(w, {"moved e-1 2026-12-01T10:15:00Z"}));
    answer(w, "Accept");
    const std::string answered = "responded e-1 2026-12-01T10:15:00Z user1@corp.example=accepted";
    REQUIRE(told_in_time(w, {"moved e-1 2026-12-01T10:15:00Z", answered}));
    w.exchange().remove(path_of(the_item(w)));
    REQUIRE(told_in_time(w, {"moved e-1 2026-12-01T10:15:00Z", answered,
                             "deleted e-1 2026-12-01T10:15:00Z user1@corp.example=accepted"}));
    // Nothing is followed any more.
    CHECK(
        eventually([&] { return at(w.exchange().get("/streaming"), "/subscriptions").as_array().empty(); }));
}

TEST_CASE("the agent's own changes are never told", "[integration]")
{
    scenario w;
    book(w);
    followed(w);
    for (int n = 0; n < 5; ++n) {
        const auto start = "2026-12-02T0" + std::to_string(n) + ":00:00Z";
        const auto set = json::object{{"start", start}, {"end", "2026-12-02T09:00:00Z"}};
        REQUIRE(outcome(w.call("event.update", host, {{"event_id", "e-1"}, {"set", set}})) == "ok");
        std::this_thread::sleep_for(700ms); // some before, some after it is looked at
    }
    std::this_thread::sleep_for(3s);
    CHECK(told(w).empty());
    move(w, 20); // that was the host
    REQUIRE(told_in_time(w, {"moved e-1 2026-12-01T10:20:00Z"}));
    REQUIRE(outcome(w.call("event.cancel", host, {{"event_id", "e-1"}})) == "ok");
    std::this_thread::sleep_for(3s);
    CHECK(told(w).size() == 1);
}

TEST_CASE("a move is told whatever becomes of an update that comes at the same time", "[integration]")
{
    scenario w;
    book(w);
    followed(w);
    move(w, 15);
    const auto set = json::object{{"end", "2026-12-01T09:45:00Z"}}; // before the start that it has now
    REQUIRE(outcome(w.call("event.update", host, {{"event_id", "e-1"}, {"set", set}})) == "invalid_request");
    REQUIRE(told_in_time(w, {"moved e-1 2026-12-01T10:15:00Z"}));
}

TEST_CASE("an event that is made again after somebody deleted it is nobody's move", "[integration]")
{
    scenario w;
    book(w);
    followed(w);
    w.exchange().remove(path_of(the_item(w)));
    auto again = booking("e-1");
    again["start"] = "2026-12-01T14:00:00Z";
    again["end"] = "2026-12-01T15:00:00Z";
    REQUIRE(outcome(w.call("event.create", host, again)) == "ok");
    std::this_thread::sleep_for(4s);
    for (const auto& line : told(w)) // the deletion, where it was seen in time
        CHECK(line == "deleted e-1 2026-12-01T09:00:00Z");
    const auto before = told(w);
    move(w, 45);
    auto expected = before;
    expected.emplace_back("moved e-1 2026-12-01T10:45:00Z");
    REQUIRE(told_in_time(w, expected));
    w.exchange().remove(path_of(the_item(w))); // to where the one before lies
    expected.emplace_back("deleted e-1 2026-12-01T10:45:00Z");
    REQUIRE(told_in_time(w, expected));
}

TEST_CASE("an event that is put into another calendar is followed there", "[integration]")
{
    scenario w;
    book(w);
    followed(w);
    w.exchange().post("/mailboxes/" + std::string(host) + "/folders",
                      {{"name", "Private"}, {"class", "IPF.Appointment"}});
    w.exchange().post(path_of(the_item(w)) + "/move", {{"folder", "Private"}});
    std::this_thread::sleep_for(4s);
    CHECK(told(w).empty());
    const auto there = w.items(host, "Private");
    REQUIRE(there.size() == 1);
    w.exchange().remove(path_of(there.front().as_object()));
    // Notifications are of the calendar alone; that folder is polled.
    w.exchange().post("/streaming/act", {{"action", "cut"}});
    REQUIRE(told_in_time(w, {"deleted e-1 2026-12-01T09:00:00Z"}, 30s));
}

TEST_CASE("what was changed while the agent was dead or the link down is told once, as it is now",
          "[integration]")
{
    scenario w;
    book(w);
    followed(w);
    w.kill_agent();
    move(w, 5);
    w.start_agent();
    w.wait_connected();
    REQUIRE(told_in_time(w, {"moved e-1 2026-12-01T10:05:00Z"}, 15s));
    w.stop_cloud();
    followed(w);
    for (int minutes = 10; minutes < 13; ++minutes) {
        move(w, minutes);
        std::this_thread::sleep_for(3s);
    }
    w.start_cloud();
    w.wait_connected();
    REQUIRE(told_in_time(w, {"moved e-1 2026-12-01T10:05:00Z", "moved e-1 2026-12-01T10:12:00Z"}, 15s));
}

TEST_CASE("without notifications changes are told within a minute", "[integration]")
{
    scenario w({.config = {{"exchange.streaming", "false"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {},
                .start_agent = true});
    book(w);
    move(w, 45);
    REQUIRE(told_in_time(w, {"moved e-1 2026-12-01T10:45:00Z"}, 65s));
    CHECK(w.requests("Subscribe") == 0);
}

TEST_CASE("what policy keeps from the cloud it does not learn by an event", "[integration]")
{
    scenario w({.config = {{"policy.allow_operations", "['event.create']"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {},
                .start_agent = true});
    book(w);
    std::this_thread::sleep_for(3s);
    CHECK(w.requests("Subscribe") == 0);
    CHECK(w.requests("GetItem") == 0);
}
