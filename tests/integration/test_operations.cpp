// Each operation on the whole way, with what really happened in Exchange.
#include "tests/integration/scenario.hpp"

using namespace relay::test;

TEST_CASE("connection.test tells server, product and account", "[integration]")
{
    scenario w;
    const auto r = w.call("connection.test", "", {});
    INFO(described(r));
    REQUIRE(outcome(r) == "ok");
    CHECK(text_at(r, "/output/server/product") == "Exchange 2019");
    CHECK(text_at(r, "/output/server/version").starts_with("15.2."));
    CHECK(text_at(r, "/output/account/email") == "svc@corp.example");
    CHECK(at(r, "/output/latency_ms").is_number());
    CHECK_FALSE(r.contains("seq")); // a read goes straight out
}

TEST_CASE("mailbox.verify tells who may be acted for", "[integration]")
{
    scenario w;
    const auto good = w.call("mailbox.verify", host, {});
    INFO(described(good));
    REQUIRE(outcome(good) == "ok");
    CHECK(text_at(good, "/output/mailbox") == host);
    CHECK(text_at(good, "/output/display_name") == "Helga Host");
    CHECK(outcome(w.call("mailbox.verify", "private@corp.example", {})) == "impersonation_denied");
    CHECK(outcome(w.call("mailbox.verify", "nobody@corp.example", {})) == "mailbox_not_found");
    CHECK(outcome(w.call("mailbox.verify", "", {})) == "invalid_request");
}

TEST_CASE("availability.get merges, cuts and sorts, and one bad mailbox fails alone", "[integration]")
{
    scenario w;
    const auto busy = [&](std::string_view from, std::string_view to, std::string_view status) {
        w.exchange().post("/mailboxes/user1@corp.example/items",
                          {{"subject", "x"}, {"start", from}, {"end", to}, {"busy", status}});
    };
    busy("2026-12-01T11:00:00Z", "2026-12-01T12:00:00Z", "OOF");
    busy("2026-12-01T09:00:00Z", "2026-12-01T09:30:00Z", "Busy");
    busy("2026-12-01T09:30:00Z", "2026-12-01T10:00:00Z", "Busy");      // touches: one period
    busy("2026-12-01T07:00:00Z", "2026-12-01T08:15:00Z", "Tentative"); // begins before the window
    busy("2026-12-01T10:15:00Z", "2026-12-01T10:30:00Z", "Free");
    const auto r = w.call("availability.get", "",
                          {{"mailboxes", {"user1@corp.example", "nobody@corp.example", "user2@corp.example"}},
                           {"start", "2026-12-01T09:00:00+01:00"},
                           {"end", "2026-12-01T18:00:00Z"}});
    INFO(described(r));
    REQUIRE(outcome(r) == "ok");
    CHECK(json::serialize(at(r, "/output/mailboxes/0/busy")) ==
          R"([{"start":"2026-12-01T08:00:00Z","end":"2026-12-01T08:15:00Z","status":"tentative"},)"
          R"({"start":"2026-12-01T09:00:00Z","end":"2026-12-01T10:00:00Z","status":"busy"},)"
          R"({"start":"2026-12-01T11:00:00Z","end":"2026-12-01T12:00:00Z","status":"oof"}])");
    CHECK_FALSE(at(r, "/output/mailboxes/1/ok").as_bool());
    CHECK(text_at(r, "/output/mailboxes/1/error/code") == "mailbox_not_found");
    CHECK(json::serialize(at(r, "/output/mailboxes/2/busy")) == "[]");
}

TEST_CASE("availability.get splits what Exchange would refuse", "[integration]")
{
    scenario w({.config = {},
                .exchange_arguments = {"--mailboxes", "250"},
                .cloud_arguments = {},
                .environment = {}});
    json::array mailboxes;
    for (int i = 1; i <= 250; ++i)
        mailboxes.emplace_back("user" + std::to_string(i) + "@corp.example");
    const auto r = w.call(
        "availability.get", "",
        {{"mailboxes", mailboxes}, {"start", "2026-12-01T00:00:00Z"}, {"end", "2027-03-15T00:00:00Z"}});
    INFO(described(r));
    REQUIRE(outcome(r) == "ok");
    REQUIRE(at(r, "/output/mailboxes").as_array().size() == 250);
    CHECK(text_at(r, "/output/mailboxes/249/mailbox") == "user250@corp.example");
    CHECK(w.requests("GetUserAvailability") >= 3);
}

TEST_CASE("a booking is created, read, moved and cancelled, with one notice a recipient each",
          "[integration]")
{
    scenario w;
    auto params = booking("b-1");
    params["body"] = {{"format", "text"}, {"content", "Bring the \xf0\x9f\x94\x91 & <papers>"}};
    params["online_meeting_url"] = "https://meet.example/abc?x=1&y=2";
    params["categories"] = json::array{"Viewing"};
    params["reminder_minutes"] = 15;
    const auto created = w.call("event.create", host, params);
    INFO(described(created));
    REQUIRE(outcome(created) == "ok");
    CHECK(text_at(created, "/output/event_id") == "b-1");
    CHECK(created.at("seq").to_number<int>() == 1);
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});

    const auto items = w.items(host);
    REQUIRE(items.size() == 1);
    CHECK(text_at(items[0], "/subject") == "Viewing");
    CHECK(text_at(items[0], "/start") == "2026-12-01T09:00:00Z");
    CHECK(text_at(items[0], "/start_time_zone") == "W. Europe Standard Time");
    CHECK(text_at(items[0], "/location") == "https://meet.example/abc?x=1&y=2");
    CHECK(text_at(items[0], "/properties/WorkestraEventId") == "b-1");

    const auto read = w.call("event.get", host, {{"event_id", "b-1"}});
    INFO(described(read));
    REQUIRE(outcome(read) == "ok");
    CHECK(text_at(read, "/output/body/content") == "Bring the \xf0\x9f\x94\x91 & <papers>");
    CHECK(text_at(read, "/output/online_meeting_url") == "https://meet.example/abc?x=1&y=2");
    CHECK(text_at(read, "/output/time_zone") == "Europe/Berlin");
    CHECK(at(read, "/output/reminder_minutes").to_number<int>() == 15);
    CHECK(at(read, "/output/responses").as_array().size() == 2);

    const auto moved = w.call(
        "event.update", host,
        {{"event_id", "b-1"}, {"set", {{"start", "2026-12-02T10:00:00Z"}, {"end", "2026-12-02T11:00:00Z"}}}});
    INFO(described(moved));
    REQUIRE(outcome(moved) == "ok");
    CHECK(w.ledger() == tally{.creates = 1, .updates = 1, .invitations = 2, .update_notices = 2});
    CHECK(text_at(w.items(host)[0], "/start") == "2026-12-02T10:00:00Z");

    const auto cancelled = w.call("event.cancel", host, {{"event_id", "b-1"}});
    INFO(described(cancelled));
    REQUIRE(outcome(cancelled) == "ok");
    CHECK(at(cancelled, "/output/existed").as_bool());
    CHECK(w.ledger() == tally{.creates = 1,
                              .updates = 1,
                              .deletes = 1,
                              .invitations = 2,
                              .update_notices = 2,
                              .cancellations = 2});
    CHECK(w.items(host).empty());

    const auto again = w.call("event.cancel", host, {{"event_id", "b-1"}});
    REQUIRE(outcome(again) == "ok");
    CHECK_FALSE(at(again, "/output/existed").as_bool());
    CHECK(outcome(w.call("event.update", host, {{"event_id", "b-1"}, {"set", {{"subject", "x"}}}})) ==
          "event_not_found");
    CHECK(outcome(w.call("event.get", host, {{"event_id", "b-1"}})) == "event_not_found");
}

TEST_CASE("a second create of a live event is a conflict and changes nothing", "[integration]")
{
    scenario w;
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    const auto r = w.call("event.create", host, booking("b-1"));
    CHECK(outcome(r) == "conflict");
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("commands for one event are carried out in the order received", "[integration]")
{
    scenario w;
    w.faults({fault("CreateItem", "before", "delay", {{"ms", 300}})});
    std::vector<std::string> ids{w.send("event.create", host, booking("b-1"))};
    for (int i = 1; i <= 5; ++i)
        ids.push_back(w.send("event.update", host,
                             {{"event_id", "b-1"},
                              {"set", {{"subject", "Viewing " + std::to_string(i)}}},
                              {"notify", "none"}}));
    ids.push_back(w.send("event.get", host, {{"event_id", "b-1"}}));
    for (const auto& id : ids) {
        const auto r = w.result(id);
        INFO(described(r));
        CHECK(outcome(r) == "ok");
    }
    CHECK(text_at(w.result(ids.back()), "/output/subject") == "Viewing 5");
    CHECK(w.ledger() == tally{.creates = 1, .updates = 5, .invitations = 2});
}

TEST_CASE("a time in the evening before a change of clocks stays what it was", "[integration]")
{
    scenario w;
    const auto r = w.call("event.create", host,
                          booking("dst", "2027-03-28T00:30:00+01:00", "2027-03-28T03:30:00+02:00"));
    INFO(described(r));
    REQUIRE(outcome(r) == "ok");
    const auto read = w.call("event.get", host, {{"event_id", "dst"}});
    CHECK(text_at(read, "/output/start") == "2027-03-27T23:30:00Z");
    CHECK(text_at(read, "/output/end") == "2027-03-28T01:30:00Z");
}

TEST_CASE("agent.diagnose reports as the doctor does", "[integration]")
{
    scenario w;
    const auto r = w.call("agent.diagnose", "", {});
    INFO(described(r));
    REQUIRE(outcome(r) == "ok");
    CHECK(at(r, "/output/ok").as_bool());
    CHECK_FALSE(at(r, "/output/checks").as_array().empty());
}

TEST_CASE("everything works over NTLM as well", "[integration]")
{
    scenario w({.config = {{"exchange.auth", "'ntlm'"}},
                .exchange_arguments = {"--auth", "ntlm"},
                .cloud_arguments = {},
                .environment = {}});
    const auto r = w.call("event.create", host, booking("b-1"));
    INFO(described(r) << "\n" << w.agent_log_tail());
    REQUIRE(outcome(r) == "ok");
    CHECK(outcome(w.call("event.cancel", host, {{"event_id", "b-1"}})) == "ok");
    CHECK(w.ledger() == tally{.creates = 1, .deletes = 1, .invitations = 2, .cancellations = 2});
}

TEST_CASE("what is wrong with a command is told by its field", "[integration]")
{
    scenario w;
    auto params = booking("b-1");
    params["attendees"].as_array()[1].as_object()["email"] = "no address";
    const auto r = w.call("event.create", host, params);
    REQUIRE(outcome(r) == "invalid_request");
    CHECK_THAT(text_at(r, "/error/message"), Catch::Contains("attendees[1].email"));
    CHECK_FALSE(r.contains("seq")); // refused before it was stored
    CHECK(outcome(w.call("event.frobnicate", host, {})) == "unsupported_operation");
    CHECK(w.requests("CreateItem") == 0);
}
