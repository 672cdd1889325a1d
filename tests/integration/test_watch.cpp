// availability.watch on the whole way: what is told, when, and what no cut and no crash may change about it.
#include "common/crash_point/enabled.hpp"
#include "tests/integration/status_page.hpp"

#include <boost/json/serialize.hpp>
#include <cstdlib>

#include <map>
#include <thread>

using namespace relay::test;

namespace {

constexpr std::string_view first_user = "user1@corp.example", second_user = "user2@corp.example";

json::object watch(std::string_view id, json::array mailboxes, json::object more = {})
{
    more["watch_id"] = id;
    more["mailboxes"] = std::move(mailboxes);
    more.emplace("interval_s", 30);
    return more;
}

// Somebody makes an appointment of an hour; `day` of December 2026, or of a later month.
void appoint(relay_world& w, std::string_view mailbox, std::string_view day)
{
    const std::string start = "2026-12-" + std::string(day) + "T09:00:00Z",
                      end = "2026-12-" + std::string(day) + "T10:00:00Z";
    w.exchange().post("/mailboxes/" + std::string(mailbox) + "/items",
                      {{"subject", "x"}, {"start", start}, {"end", end}, {"busy", "Busy"}});
}

// What was told, in the order of seq: "user1@corp.example 2" for two busy periods, "x@corp.example policy_denied".
std::vector<std::string> told(relay_world& w)
{
    std::map<std::int64_t, std::string> by_seq;
    const auto events = w.cloud().get("/events");
    for (const auto& event : events.as_array()) {
        const auto data = at(event, "/data").as_object();
        const auto what = data.contains("busy") ? std::to_string(data.at("busy").as_array().size())
                                                : text_at(data, "/error/code");
        by_seq[at(event, "/seq").as_int64()] = text_at(data, "/mailbox") + " " + what;
    }
    std::vector<std::string> all;
    for (auto& [seq, text] : by_seq)
        all.push_back(std::move(text));
    return all;
}

bool told_in_time(relay_world& w, std::size_t count, std::chrono::milliseconds limit = 45s)
{
    return eventually([&] { return told(w).size() >= count; }, limit);
}

// Waits until every mailbox of a watch of at most a hundred was looked at once more (sixty days are two requests).
void one_more_look(relay_world& w)
{
    const auto before = w.requests("GetUserAvailability");
    REQUIRE(eventually([&] { return w.requests("GetUserAvailability") >= before + 2; }, 50s));
    std::this_thread::sleep_for(200ms); // and what was seen is stored
}

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("a watch tells the first look at each mailbox and every change after it", "[integration]")
{
    auto options = with_page();
    options.config["policy.deny_mailboxes"] = "['ceo@corp.example']";
    scenario w(std::move(options));
    const page p(w);
    appoint(w, first_user, "01");
    const auto r = w.call("availability.watch", "",
                          watch("w-1", {first_user, second_user, "nobody@corp.example", "ceo@corp.example"}));
    INFO(described(r));
    REQUIRE(outcome(r) == "ok");
    CHECK(r.contains("seq"));
    CHECK(text_at(r, "/output/watch_id") == "w-1");
    CHECK(at(r, "/output/mailboxes") == 4);
    REQUIRE(told_in_time(w, 4, 10s));
    CHECK(told(w) == lines{"user1@corp.example 1", "user2@corp.example 0",
                           "nobody@corp.example mailbox_not_found", "ceo@corp.example policy_denied"});
    CHECK(json::serialize(at(p.status(), "/watches")) == R"({"count":1,"mailboxes":4})");

    appoint(w, second_user, "02");
    REQUIRE(told_in_time(w, 5));
    CHECK(told(w).back() == "user2@corp.example 1");

    CHECK(at(w.call("availability.unwatch", "", {{"watch_id", "w-1"}}), "/output/existed").as_bool());
    CHECK_FALSE(at(w.call("availability.unwatch", "", {{"watch_id", "w-1"}}), "/output/existed").as_bool());
    CHECK(json::serialize(at(p.status(), "/watches")) == R"({"count":0,"mailboxes":0})");
    CHECK(told(w).size() == 5);
}

TEST_CASE("changes made while the link is down arrive as one event a mailbox", "[integration]")
{
    scenario w;
    REQUIRE(outcome(w.call("availability.watch", "", watch("w-1", {first_user, second_user}))) == "ok");
    REQUIRE(told_in_time(w, 2, 10s));
    w.stop_cloud();
    for (const auto* day : {"01", "02"}) {
        appoint(w, first_user, day);
        one_more_look(w);
    }
    w.start_cloud();
    w.wait_connected(90s);
    REQUIRE(told_in_time(w, 3, 10s));
    CHECK(told(w) == lines{"user1@corp.example 0", "user2@corp.example 0", "user1@corp.example 2"});
}

TEST_CASE("an agent that is killed takes its watches up again, tells nothing anew and misses no change",
          "[integration]")
{
    scenario w;
    REQUIRE(outcome(w.call("availability.watch", "", watch("w-1", {first_user, second_user}))) == "ok");
    REQUIRE(told_in_time(w, 2, 10s));
    w.kill_agent();
    appoint(w, second_user, "03");
    w.start_agent();
    w.wait_connected();
    REQUIRE(told_in_time(w, 3, 20s));
    one_more_look(w);
    CHECK(told(w) == lines{"user1@corp.example 0", "user2@corp.example 0", "user2@corp.example 1"});
}

TEST_CASE("a kill at any step of a watch loses nothing and tells nothing twice", "[integration]")
{
    if (!relay::crash_points_enabled)
        return;
    for (const auto* place :
         {"store.watch.before", "store.watch.after", "store.tell.before", "store.tell.after"}) {
        INFO(place);
        scenario w({.config = {},
                    .exchange_arguments = {},
                    .cloud_arguments = {},
                    .environment = {},
                    .start_agent = false});
        w.start_agent({{"RELAY_CRASH_AT", place}});
        w.wait_connected();
        const auto id = w.send("availability.watch", "", watch("w-1", {first_user, second_user}));
        REQUIRE(eventually([&] { return !w.agent().running(); }, 20s));
        w.start_agent();
        w.wait_connected();
        const auto r = w.result(id);
        INFO(described(r));
        CHECK(outcome(r) == "ok");
        REQUIRE(told_in_time(w, 2, 20s));
        CHECK(told(w) == lines{"user1@corp.example 0", "user2@corp.example 0"});
    }
}

TEST_CASE("a kill in the middle of an unwatch is answered with what was true", "[integration]")
{
    if (!relay::crash_points_enabled)
        return;
    for (const auto* place : {"store.watch.before", "store.watch.after", "store.finish.before"}) {
        INFO(place);
        scenario w;
        REQUIRE(outcome(w.call("availability.watch", "", watch("w-1", {first_user}))) == "ok");
        REQUIRE(told_in_time(w, 1, 10s));
        REQUIRE(w.stop_agent() == 0);
        w.start_agent({{"RELAY_CRASH_AT", place}});
        w.wait_connected();
        const auto id = w.send("availability.unwatch", "", {{"watch_id", "w-1"}});
        REQUIRE(eventually([&] { return !w.agent().running(); }, 20s));
        w.start_agent();
        w.wait_connected();
        CHECK(at(w.result(id), "/output/existed").as_bool());
        CHECK_FALSE(
            at(w.call("availability.unwatch", "", {{"watch_id", "w-1"}}), "/output/existed").as_bool());
    }
}

TEST_CASE("an event that the cloud cannot take says so in place of the busy time", "[integration]")
{
    scenario w({.config = {},
                .exchange_arguments = {},
                .cloud_arguments = {"--max-message-bytes", "4096"},
                .environment = {},
                .start_agent = true});
    for (const auto* month : {"2026-12-", "2027-01-", "2027-02-"})
        for (int day = 1; day <= 28; ++day) {
            const auto date = month + std::string(day < 10 ? "0" : "") + std::to_string(day);
            w.exchange().post("/mailboxes/user1@corp.example/items", {{"subject", "x"},
                                                                      {"start", date + "T09:00:00Z"},
                                                                      {"end", date + "T10:00:00Z"},
                                                                      {"busy", "Busy"}});
        }
    REQUIRE(outcome(w.call("availability.watch", "",
                           watch("w-1", {first_user, second_user}, {{"horizon_days", 180}}))) == "ok");
    REQUIRE(told_in_time(w, 2, 10s));
    CHECK(told(w) == lines{"user1@corp.example result_too_large", "user2@corp.example 0"});
}

TEST_CASE("watches over the limit are refused before they are stored", "[integration]")
{
    scenario w(with_page());
    const page p(w);
    json::array many;
    for (int i = 0; i < 5000; ++i)
        many.push_back(json::value("u" + std::to_string(i) + "@corp.example"));
    json::object slow{{"interval_s", 86'400}};
    for (const auto* id : {"w-1", "w-2", "w-3", "w-4"})
        REQUIRE(outcome(w.call("availability.watch", "", watch(id, many, slow))) == "ok");
    // The watcher reads the store when it hears of a new watch; what comes before that is refused once it is stored.
    REQUIRE(eventually([&] { return p.status().at("watches").at("mailboxes").as_int64() == 20'000; }));
    const auto r = w.call("availability.watch", "", watch("w-5", {first_user}, slow));
    CHECK(outcome(r) == "overloaded");
    CHECK_FALSE(r.contains("seq"));
    for (const auto* id : {"w-1", "w-2", "w-3", "w-4"})
        CHECK(outcome(w.call("availability.unwatch", "", {{"watch_id", id}})) == "ok");
    CHECK(outcome(w.call("availability.watch", "", watch("w-5", {first_user}, slow))) == "ok");
}

TEST_CASE("five thousand mailboxes are watched evenly and in little memory", "[integration]")
{
    auto options = with_page();
    options.exchange_arguments = {"--mailboxes", "5000"};
    // What is measured is what the agent holds, not what a sanitizer keeps of what was freed.
    const char* before = std::getenv("ASAN_OPTIONS");
    options.environment["ASAN_OPTIONS"] = std::string(before ? before : "") + ":quarantine_size_mb=8";
    scenario w(std::move(options));
    const page p(w);
    const auto idle = p.metric("process_resident_memory_bytes");
    json::array all;
    for (int i = 1; i <= 5000; ++i)
        all.push_back(json::value("user" + std::to_string(i) + "@corp.example"));
    json::object often{{"interval_s", 300}};
    REQUIRE(outcome(w.call("availability.watch", "", watch("w-1", std::move(all), std::move(often)))) ==
            "ok");
    REQUIRE(eventually(
        [&] { return w.cloud().get("/ledger").at("stores").at(0).at("ack").as_int64() >= 5001; }, 120s));
    const auto first_looks = w.requests("GetUserAvailability");
    CHECK(first_looks >= 100); // fifty batches of two windows
    CHECK(first_looks <= 130);
    std::this_thread::sleep_for(30s);
    const auto later = w.requests("GetUserAvailability") - first_looks;
    CHECK(later <= 14); // a batch every six seconds
    CHECK(told(w).size() == 5000);
    constexpr double mib = 1024 * 1024;
    const auto held = p.metric("process_resident_memory_bytes");
    if (slowness() == 1)
        CHECK(held < 64 * mib);
    else // a sanitizer's own share is larger than that before anything is watched
        CHECK(held - idle < 128 * mib);
}
