// One mailbox that is ill costs the others nothing: their free/busy times, their watches, and the word on the server.
#include "tests/integration/status_page.hpp"

#include <boost/json/serialize.hpp>

#include <set>
#include <thread>

using namespace relay::test;
using Catch::Contains;

namespace {

constexpr std::string_view culprit = "user2@corp.example";

std::string user(int n)
{
    return "user" + std::to_string(n) + "@corp.example";
}

json::object question()
{
    json::array mailboxes;
    for (int n = 1; n <= 9; ++n)
        mailboxes.emplace_back(user(n));
    return {{"mailboxes", mailboxes}, {"start", "2026-12-01T00:00:00Z"}, {"end", "2026-12-02T00:00:00Z"}};
}

// Whenever the culprit is in the list.
json::object ill(std::string_view action, json::object more = {})
{
    more["mailbox"] = culprit;
    return fault("GetUserAvailability", "before", action, std::move(more), 0);
}

// The one mailbox has an error, and all others their busy hour.
void check_answers(const json::object& result)
{
    INFO(json::serialize(result));
    REQUIRE(outcome(result) == "ok");
    const auto entries = at(result, "/output/mailboxes");
    for (const auto& entry : entries.as_array()) {
        const bool is_culprit = text_at(entry, "/mailbox") == culprit;
        CHECK(at(entry, "/ok").as_bool() == !is_culprit);
        if (!is_culprit)
            CHECK(at(entry, "/busy").as_array().size() == 1);
    }
}

void appoint(relay_world& w, int n, std::string_view day)
{
    const auto date = "2026-12-" + std::string(day);
    w.exchange().post("/mailboxes/" + user(n) + "/items", json::object{{"subject", "x"},
                                                                       {"start", date + "T09:00:00Z"},
                                                                       {"end", date + "T10:00:00Z"},
                                                                       {"busy", "Busy"}});
}

// The mailboxes that an event told the free/busy time of, with `count` busy periods.
std::set<std::string> told(relay_world& w, std::size_t count)
{
    std::set<std::string> all;
    const auto events = w.cloud().get("/events");
    for (const auto& e : events.as_array()) {
        const auto data = at(e, "/data").as_object();
        if (const auto* busy = data.if_contains("busy"); busy && busy->as_array().size() == count)
            all.insert(text_at(data, "/mailbox"));
    }
    return all;
}

world_options with_short_requests()
{
    auto options = with_page();
    options.config["exchange.timeout_s"] = "3";
    return options;
}

void watch_all(scenario& w)
{
    auto mailboxes = question().at("mailboxes");
    REQUIRE(outcome(w.call("availability.watch", "",
                           {{"watch_id", "w-1"}, {"mailboxes", mailboxes}, {"interval_s", 30}})) == "ok");
}

std::size_t followed(scenario& w)
{
    return w.exchange().get("/streaming").at("subscriptions").as_array().size();
}

} // namespace

TEST_CASE("a mailbox whose free/busy time never comes, or fails the whole request, costs the others nothing",
          "[integration]")
{
    const auto sick = GENERATE_COPY(ill("hang"), ill("soap_fault", {{"code", "ErrorInternalServerError"}}),
                                    ill("soap_fault", {{"code", "ErrorInvalidSmtpAddress"}}),
                                    ill("soap_fault", {{"code", "ErrorInvalidRequest"}}));
    INFO(json::serialize(sick));
    scenario w(with_short_requests());
    const page p(w);
    for (int n = 1; n <= 9; ++n)
        appoint(w, n, "01");
    w.faults({sick});
    check_answers(w.call("availability.get", "", question(), {{"ttl_ms", 60'000}}));
    CHECK(text_at(p.status(), "/exchange/state") == "ok");
    // It is remembered: the next time it is asked alone, and holds nobody up.
    const auto before = w.requests("GetUserAvailability");
    check_answers(w.call("availability.get", "", question(), {{"ttl_ms", 60'000}}));
    CHECK(w.requests("GetUserAvailability") <= before + 4);
    CHECK(text_at(p.status(), "/exchange/state") == "ok");
    CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
}

TEST_CASE("a watch tells the news of the others while one of its mailboxes is never answered",
          "[integration]")
{
    scenario w(with_short_requests());
    const page p(w);
    for (int n = 1; n <= 9; ++n)
        appoint(w, n, "01");
    w.faults({ill("hang")});
    watch_all(w);
    REQUIRE(eventually([&] { return told(w, 1).size() == 8; }, 60s));
    CHECK_FALSE(told(w, 1).contains(std::string(culprit)));
    CHECK(text_at(p.status(), "/exchange/state") == "ok");
    appoint(w, 5, "02");
    CHECK(eventually([&] { return told(w, 2).contains(user(5)); }, 60s));
}

TEST_CASE("a subscription that is always lost costs the other mailboxes neither stream nor news",
          "[integration]")
{
    scenario w;
    w.exchange().put("/streaming", json::object{{"always_lost", culprit}});
    watch_all(w);
    REQUIRE(eventually([&] { return told(w, 0).size() == 9; }, 45s));
    REQUIRE(eventually(
        [&] {
            return w.agent_log().find("keeps ending the subscription of one mailbox") != std::string::npos;
        },
        45s));
    REQUIRE(eventually([&] { return w.exchange().get("/streaming").at("streams") == 1 && followed(w) == 8; },
                       45s));
    const auto polls = w.requests("GetUserAvailability");
    appoint(w, 1, "03");
    REQUIRE(eventually([&] { return told(w, 1).contains(user(1)); },
                       15s)); // by the stream: looks come every 30 s
    CHECK(w.requests("GetUserAvailability") <= polls + 4);
    appoint(w, 2, "03");
    CHECK(eventually([&] { return told(w, 1).contains(user(2)); }, 60s)); // by a look
}

TEST_CASE("a change that is told in the same message as a lost subscription is news all the same",
          "[integration]")
{
    scenario w;
    watch_all(w);
    REQUIRE(eventually([&] { return told(w, 0).size() == 9; }, 45s));
    REQUIRE(eventually([&] { return w.exchange().get("/streaming").at("streams") == 1 && followed(w) == 9; },
                       45s));
    w.exchange().put("/streaming", json::object{{"silent", true}, {"beside", true}});
    appoint(w, 1, "03");
    w.exchange().post("/streaming/lose", json::object{{"mailbox", culprit}});
    w.exchange().put("/streaming", json::object{{"silent", false}});
    CHECK(eventually([&] { return told(w, 1).contains(user(1)); }, 15s));
    CHECK(eventually([&] { return followed(w) == 9; }, 45s));
}

TEST_CASE("subscriptions that only their own mailbox may read, or a cookie that is lost, end in polling for "
          "those alone",
          "[integration]")
{
    const bool own_only = GENERATE(true, false);
    INFO((own_only ? "own_only" : "forgets_cookies"));
    scenario w;
    w.exchange().put("/streaming", json::object{{own_only ? "own_only" : "forgets_cookies", true}});
    watch_all(w);
    REQUIRE(eventually([&] { return told(w, 0).size() == 9; }, 45s));
    for (const int n : {1, 9})
        appoint(w, n, "03");
    CHECK(eventually([&] { return told(w, 1).size() == 2; }, 60s));
    // It does not ask in a circle.
    const auto before = w.requests("GetStreamingEvents") + w.requests("Subscribe");
    std::this_thread::sleep_for(3s);
    CHECK(w.requests("GetStreamingEvents") + w.requests("Subscribe") <= before + 12);
}
