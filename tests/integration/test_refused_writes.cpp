// What a person sees of writes that Exchange refuses, or seems to: saved and not sent, told in odd forms, refused again and again;
// and of answers that are mishaps.
#include "tests/integration/scenario.hpp"

using namespace relay::test;
using Catch::Contains;

namespace {

const json::object event_b1{{"event_id", "b-1"}};

json::object set_subject(std::string_view subject)
{
    return {{"event_id", "b-1"}, {"set", {{"subject", subject}}}};
}

json::object saved_and_refused(std::string_view operation, std::string_view code, json::object more = {})
{
    more["code"] = code;
    return fault(operation, "before", "saved_and_refused", std::move(more));
}

std::string warning_of(const json::object& result)
{
    return text_at(result, "/output/warning/exchange");
}

std::string by_id(const std::string& id)
{
    std::string escaped;
    for (const char c : id)
        escaped += c == '/' ? "%2F" : c == '+' ? "%2B" : c == '=' ? "%3D" : std::string(1, c);
    return "/mailboxes/host@corp.example/items/" + escaped;
}

} // namespace

TEST_CASE("a booking that is refused after it was saved is booked once, and the result says what was refused",
          "[integration]")
{
    struct form {
        const char* code;
        json::object more;
    };
    const form forms[] = {
        {"ErrorInvalidRecipients", {}},
        {"ErrorQuotaExceeded", {{"as", "fault"}}},
        {"ErrorInvalidSmtpAddress", {{"as", "fault"}, {"status", 200}}},
        {"ErrorMessageSizeExceeded", {{"as", "fault"}, {"faultcode", "bare"}, {"detail", false}}},
        {"ErrorExceededMaxRecipientLimit",
         {{"as", "fault"}, {"status", 200}, {"faultcode", "bare"}, {"detail", false}}},
    };
    scenario w;
    int n = 0;
    for (const auto& f : forms) {
        const auto event = "b-" + std::to_string(++n);
        w.faults({saved_and_refused("CreateItem", f.code, f.more)});
        const auto r = w.call("event.create", host, booking(event));
        INFO(f.code << ": " << described(r));
        REQUIRE(outcome(r) == "ok");
        CHECK(warning_of(r) == f.code);
        CHECK(outcome(w.call("event.create", host, booking(event))) == "conflict");
        CHECK_THAT(w.agent_log(),
                   Contains(std::string("Exchange answered ") + f.code + " and carried it out all the same"));
    }
    CHECK(w.ledger() == tally{.creates = n});
    CHECK(w.requests("UpdateItem") == 0); // to send once more would be refused once more
    CHECK(w.items(host).size() == static_cast<std::size_t>(n));
}

TEST_CASE(
    "an update or a cancel that is refused after it was saved is ok, and the result says what was refused",
    "[integration]")
{
    scenario w;
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    w.faults({saved_and_refused("UpdateItem", "ErrorInvalidRecipients")});
    const auto updated = w.call("event.update", host, set_subject("New"));
    INFO(described(updated));
    CHECK(warning_of(updated) == "ErrorInvalidRecipients");
    CHECK(text_at(w.items(host).at(0), "/subject") == "New");
    w.faults({saved_and_refused("DeleteItem", "ErrorSendAsDenied")});
    const auto cancelled = w.call("event.cancel", host, event_b1);
    INFO(described(cancelled));
    CHECK(at(cancelled, "/output/existed").as_bool());
    CHECK(warning_of(cancelled) == "ErrorSendAsDenied");
    CHECK(w.items(host).empty());
    CHECK(w.ledger() == tally{.creates = 1, .updates = 1, .deletes = 1, .invitations = 2});
}

TEST_CASE("a refusal of what was not saved is answered as Exchange gave it, and not tried again",
          "[integration]")
{
    scenario w;
    w.faults({fault("CreateItem", "before", "error", {{"code", "ErrorInvalidRecipients"}})});
    const auto created = w.call("event.create", host, booking("b-1"));
    CHECK(outcome(created) == "exchange_error");
    CHECK(text_at(created, "/error/exchange") == "ErrorInvalidRecipients");
    CHECK_THAT(text_at(created, "/error/message"), Contains("address of an attendee"));
    CHECK(w.requests("CreateItem") == 1);
    w.faults({});
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    w.faults({fault("UpdateItem", "before", "error", {{"code", "ErrorQuotaExceeded"}}),
              fault("DeleteItem", "before", "error", {{"code", "ErrorAccessDenied"}})});
    CHECK(text_at(w.call("event.update", host, set_subject("New")), "/error/exchange") ==
          "ErrorQuotaExceeded");
    CHECK(text_at(w.call("event.cancel", host, event_b1), "/error/exchange") == "ErrorAccessDenied");
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("a fault that names no code leaves the outcome open until it has settled", "[integration]")
{
    scenario w;
    w.faults({saved_and_refused("CreateItem", "ErrorInvalidRecipients",
                                {{"as", "fault"}, {"faultcode", "none"}, {"detail", false}})});
    const auto r = w.call("event.create", host, booking("b-1"));
    INFO(described(r));
    CHECK(outcome(r) == "ok");
    CHECK(w.ledger() ==
          tally{.creates = 1, .updates = 1, .invitations = 2}); // the flag told that nobody was invited
}

TEST_CASE("where Exchange does not say whether invitations went out, the log says that it is not known",
          "[integration]")
{
    scenario w;
    const auto silent = [](std::string_view operation) {
        return fault(operation, "before", "lacking", {{"element", "t:MeetingRequestWasSent"}}, 0);
    };
    w.faults(
        {saved_and_refused("CreateItem", "ErrorInvalidRecipients"), silent("FindItem"), silent("GetItem")});
    CHECK(warning_of(w.call("event.create", host, booking("b-1"))) == "ErrorInvalidRecipients");
    w.faults(
        {fault("CreateItem", "after", "status", {{"status", 500}}), silent("FindItem"), silent("GetItem")});
    CHECK(outcome(w.call("event.create", host, booking("b-2"))) == "ok");
    CHECK_THAT(w.agent_log(), Contains("does not say whether its invitations went out"));
    CHECK(w.ledger() == tally{.creates = 2, .invitations = 2});
}

TEST_CASE("a conflict that never ends is answered as one, in seconds", "[integration]")
{
    scenario w;
    REQUIRE(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    w.faults({fault("UpdateItem", "before", "error", {{"code", "ErrorIrresolvableConflict"}}, 0)});
    const auto id = w.send("event.update", host, set_subject("New"));
    const auto r = w.result(id, 60s);
    CHECK(outcome(r) == "conflict");
    CHECK(text_at(r, "/error/exchange") == "ErrorIrresolvableConflict");
    CHECK(w.requests("UpdateItem") == 5);
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("a mishap of one look-up does not end a booking", "[integration]")
{
    const json::object mishaps[] = {
        fault("FindItem", "before", "lacking", {{"element", "m:FindItemResponseMessage"}, {"keep", 1}}),
        fault("FindItem", "before", "garbage"),
        fault("FindItem", "before", "huge"),
        fault("FindItem", "before", "status", {{"status", 421}}),
        fault("FindItem", "before", "status", {{"status", 418}}),
        fault("FindItem", "before", "soap_fault",
              {{"code", "ErrorNobodyHasSeen"}, {"status", 200}, {"faultcode", "bare"}}),
        fault("CreateItem", "before", "status", {{"status", 421}}),
    };
    scenario w;
    int n = 0;
    for (const auto& mishap : mishaps) {
        w.faults({mishap});
        const auto id = w.send("event.create", host, booking("b-" + std::to_string(++n)));
        const auto r = w.result(id, 60s);
        INFO(json::serialize(mishap) << ": " << described(r));
        CHECK(outcome(r) == "ok");
    }
    CHECK(w.ledger() == tally{.creates = n, .invitations = 2 * n});
}

TEST_CASE("a booking that waited over a restart is not ended by a web page", "[integration]")
{
    scenario w;
    w.faults({fault("FindItem", "before", "status", {{"status", 503}}, 0)});
    const auto id = w.send("event.create", host, booking("b-1"));
    REQUIRE(w.accepted(id));
    w.kill_agent();
    w.faults({fault("*", "before", "html", {}, 0)});
    const auto before = w.requests("FindItem");
    w.start_agent();
    REQUIRE(eventually([&] { return w.requests("FindItem") > before + 1; }, 60s));
    w.faults({});
    CHECK(outcome(w.result(id, 60s)) == "ok");
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("an event in a zone that no server knows is moved all the same", "[integration]")
{
    scenario w;
    auto params = booking("b-1");
    params["time_zone"] = "Europe/Berlin";
    REQUIRE(outcome(w.call("event.create", host, params)) == "ok");
    for (const auto* zone : {"Customized Time Zone", "tzone://Microsoft/Custom", "Europe/Vienna"}) {
        w.exchange().patch(by_id(text_at(w.items(host).at(0), "/id")), {{"zone_shown", zone}});
        const auto r =
            w.call("event.update", host,
                   {{"event_id", "b-1"},
                    {"set", {{"start", "2026-12-01T11:00:00Z"}, {"end", "2026-12-01T11:30:00Z"}}}});
        INFO(zone << ": " << described(r));
        CHECK(outcome(r) == "ok");
        CHECK(text_at(w.items(host).at(0), "/start") == "2026-12-01T11:00:00Z");
        CHECK(text_at(w.items(host).at(0), "/start_time_zone") == "W. Europe Standard Time");
    }
}

TEST_CASE("a zone that this server lacks is shown as UTC, at the right time", "[integration]")
{
    scenario w;
    auto params = booking("b-1");
    params["time_zone"] = "America/Whitehorse";
    w.faults({fault("CreateItem", "before", "soap_fault", {{"code", "ErrorTimeZone"}})});
    const auto created = w.call("event.create", host, params);
    INFO(described(created));
    CHECK(outcome(created) == "ok");
    const auto item = w.items(host).at(0);
    CHECK(text_at(item, "/start_time_zone") == "UTC");
    CHECK(text_at(item, "/start") == "2026-12-01T09:00:00Z");
    w.faults({fault("UpdateItem", "before", "error", {{"code", "ErrorTimeZone"}})});
    CHECK(outcome(w.call("event.update", host,
                         {{"event_id", "b-1"}, {"set", {{"time_zone", "America/Whitehorse"}}}})) == "ok");
}

TEST_CASE("a broken entry in a calendar does not hide the rest of its busy time", "[integration]")
{
    scenario w({.config = {{"log.level", "'debug'"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    w.exchange().post("/mailboxes/host@corp.example/items", {{"subject", "x"},
                                                             {"start", "2026-12-01T10:00:00Z"},
                                                             {"end", "2026-12-01T11:00:00Z"},
                                                             {"busy", "Busy"}});
    w.exchange().post("/mailboxes/host@corp.example/items", {{"subject", "y"},
                                                             {"start", "2026-12-01T15:00:00Z"},
                                                             {"end", "2026-12-01T14:00:00Z"},
                                                             {"busy", "Busy"},
                                                             {"damaged", true}});
    for (int i = 0; i < 2; ++i) {
        const auto r = w.call(
            "availability.get", "",
            {{"mailboxes", {host}}, {"start", "2026-12-01T00:00:00Z"}, {"end", "2026-12-02T00:00:00Z"}});
        INFO(json::serialize(r));
        REQUIRE(at(r, "/output/mailboxes/0/ok").as_bool());
        CHECK(at(r, "/output/mailboxes/0/busy").as_array().size() == 1);
    }
    const auto log = w.agent_log();
    const auto said = log.find("they are left out");
    REQUIRE(said != log.npos);
    CHECK(log.find("they are left out", said + 1) == log.npos); // once
}

TEST_CASE("a mailbox of another organisation that cannot be asked is said to be one", "[integration]")
{
    scenario w;
    w.exchange().post("/mailboxes", {{"email", "user2@corp.example"},
                                     {"free_busy_failure", "ErrorProxyRequestNotAllowed"}});
    const auto r = w.call("availability.get", "",
                          {{"mailboxes", {"user2@corp.example"}},
                           {"start", "2026-12-01T00:00:00Z"},
                           {"end", "2026-12-02T00:00:00Z"}});
    INFO(json::serialize(r));
    CHECK(text_at(r, "/output/mailboxes/0/error/exchange") == "ErrorProxyRequestNotAllowed");
    CHECK_THAT(text_at(r, "/output/mailboxes/0/error/message"),
               Contains("could not ask the organisation that the mailbox belongs to"));
}

TEST_CASE("a booking with nobody to invite does not count as a sending", "[integration]")
{
    scenario w;
    w.exchange().put("/throttling", {{"message_rate", 1}});
    for (const auto* event : {"b-1", "b-2", "b-3"}) {
        auto params = booking(event);
        params.erase("attendees");
        CHECK(outcome(w.call("event.create", host, params)) == "ok");
    }
    CHECK(at(w.exchange().get("/stats"), "/throttling/refused").to_number<int>() == 0);
}
