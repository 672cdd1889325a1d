// What a person sees of servers that answer in other ways than the documents say: folders that refuse, and more than was asked for.
#include "tests/integration/scenario.hpp"

using namespace relay::test;
using Catch::Contains;

namespace {

const json::object event_o1{{"event_id", "o-1"}};
constexpr std::string_view folders_of_host = "/mailboxes/host@corp.example/folders";

void refuse(scenario& w, std::string_view folder, std::string_view code, json::object more = {})
{
    more["name"] = folder;
    more["refuses"] = code;
    w.exchange().put(std::string(folders_of_host), more);
}

void make_folder(scenario& w, std::string_view name)
{
    w.exchange().post(std::string(folders_of_host), json::object{{"name", name}});
}

void move_to(scenario& w, std::string_view folder)
{
    std::string id;
    for (const char c : text_at(w.items(host).at(0), "/id"))
        id += c == '/' ? "%2F" : c == '+' ? "%2B" : c == '=' ? "%3D" : std::string(1, c);
    w.exchange().post("/mailboxes/host@corp.example/items/" + id + "/move", json::object{{"folder", folder}});
}

} // namespace

TEST_CASE("a meeting that was filed away is found although another folder of the mailbox refuses",
          "[integration]")
{
    for (const auto* code : {"ErrorAccessDenied", "ErrorFolderCorrupt", "ErrorInternalServerError"}) {
        INFO(code);
        scenario w;
        make_folder(w, "Locked");
        make_folder(w, "Projects");
        refuse(w, "Locked", code, {{"stops", true}});
        REQUIRE(outcome(w.call("event.create", host, booking("o-1"))) == "ok");
        move_to(w, "Projects");
        CHECK(outcome(w.call("event.get", host, event_o1)) == "ok");
        CHECK(outcome(w.call("event.update", host, {{"event_id", "o-1"}, {"set", {{"subject", "New"}}}})) ==
              "ok");
        const auto cancelled = w.call("event.cancel", host, event_o1);
        CHECK(at(cancelled, "/output/existed").as_bool());
        CHECK(w.ledger() == tally{.creates = 1,
                                  .updates = 1,
                                  .deletes = 1,
                                  .invitations = 2,
                                  .update_notices = 2,
                                  .cancellations = 2});
    }
}

TEST_CASE("an event that is nowhere is answered as not found, with the folders that refused to be searched",
          "[integration]")
{
    scenario w;
    make_folder(w, "Locked");
    refuse(w, "Locked", "ErrorAccessDenied");
    refuse(w, "tasks", "ErrorInternalServerError");
    const auto got = w.call("event.get", host, event_o1);
    CHECK(outcome(got) == "event_not_found");
    CHECK_THAT(text_at(got, "/error/message"), Contains("2 of the mailbox's folders cannot be searched"));
    const auto cancelled = w.call("event.cancel", host, event_o1);
    INFO(described(cancelled));
    CHECK_FALSE(at(cancelled, "/output/existed").as_bool());
    CHECK_THAT(text_at(cancelled, "/output/warning/message"), Contains("cannot be searched"));
    CHECK_THAT(w.agent_log(), Contains("what is in them counts as not found"));
}

TEST_CASE("a calendar that refuses is no proof that an event is not there", "[integration]")
{
    scenario w;
    REQUIRE(outcome(w.call("event.create", host, booking("o-1"))) == "ok");
    refuse(w, "calendar", "ErrorAccessDenied", {{"stops", true}});
    const auto got = w.call("event.get", host, event_o1);
    CHECK(outcome(got) == "exchange_error");
    CHECK(text_at(got, "/error/exchange") == "ErrorAccessDenied");
    CHECK(outcome(w.call("event.cancel", host, event_o1)) == "exchange_error");
    refuse(w, "calendar", "ErrorInternalServerError", {{"times", 3}});
    CHECK(outcome(w.call("event.get", host, event_o1)) == "ok"); // transient: asked again
}

TEST_CASE("bookings go on while Deleted Items refuse, but nothing that may have been deleted is booked again",
          "[integration]")
{
    scenario w;
    refuse(w, "deleteditems", "ErrorFolderCorrupt");
    REQUIRE(outcome(w.call("event.create", host, booking("o-1"))) == "ok");
    CHECK(outcome(w.call("event.get", host, event_o1)) == "ok");
    const auto again = w.call("event.create", host, booking("o-2"), {{"redelivered", true}});
    CHECK(outcome(again) == "exchange_error");
    CHECK_THAT(text_at(again, "/error/message"), Contains("Deleted Items cannot be searched"));
    CHECK(w.ledger() == tally{.creates = 1, .invitations = 2});
}

TEST_CASE("copies of requests and cancellations in Sent Items are not taken for the meeting", "[integration]")
{
    scenario w;
    REQUIRE(outcome(w.call("event.create", host, booking("o-1"))) == "ok");
    REQUIRE(outcome(w.call("event.update", host, {{"event_id", "o-1"}, {"set", {{"subject", "New"}}}})) ==
            "ok");
    make_folder(w, "Projects");
    move_to(w, "Projects"); // so that all folders are searched
    CHECK(at(w.call("event.get", host, event_o1), "/output/subject") == "New");
    CHECK(at(w.call("event.cancel", host, event_o1), "/output/existed").as_bool());
    CHECK(outcome(w.call("event.get", host, event_o1)) == "event_not_found");
    CHECK_FALSE(at(w.call("event.cancel", host, event_o1), "/output/existed").as_bool());
    CHECK(outcome(w.call("event.create", host, booking("o-1"))) == "ok");
    CHECK(w.ledger() == tally{.creates = 2,
                              .updates = 1,
                              .deletes = 1,
                              .invitations = 4,
                              .update_notices = 2,
                              .cancellations = 2});
}

TEST_CASE(
    "meetings go their way where Exchange answers with more than was asked for, and with properties twice",
    "[integration]")
{
    scenario w;
    w.exchange().put("/habits", json::object{{"more_than_asked", true}, {"properties_twice", true}});
    REQUIRE(outcome(w.call("event.create", host, booking("o-1"))) == "ok");
    w.faults({fault("CreateItem", "after", "reset")});
    REQUIRE(outcome(w.call("event.create", host, booking("o-2"))) == "ok"); // known by its marks
    REQUIRE(outcome(w.call("event.update", host, {{"event_id", "o-1"}, {"set", {{"subject", "New"}}}})) ==
            "ok");
    make_folder(w, "Projects");
    move_to(w, "Projects");
    CHECK(outcome(w.call("event.get", host, event_o1)) == "ok");
    CHECK(outcome(w.call("event.get", host, {{"event_id", "o-2"}})) == "ok");
    CHECK(at(w.call("event.cancel", host, event_o1), "/output/existed").as_bool());
    CHECK(at(w.call("event.cancel", host, {{"event_id", "o-2"}}), "/output/existed").as_bool());
}

TEST_CASE("free/busy times are right, and tell no subject, where Exchange answers Detailed or with Z",
          "[integration]")
{
    scenario w;
    w.exchange().post("/mailboxes/host@corp.example/items", json::object{{"subject", "Redundancies"},
                                                                         {"location", "Room 7"},
                                                                         {"start", "2026-12-01T09:00:00Z"},
                                                                         {"end", "2026-12-01T10:00:00Z"},
                                                                         {"busy", "Busy"}});
    const json::object question{
        {"mailboxes", json::array{host}}, {"start", "2026-12-01T00:00:00Z"}, {"end", "2026-12-02T00:00:00Z"}};
    const auto usual = w.call("availability.get", {}, question);
    for (const auto& habit : {json::object{{"detailed", true}}, json::object{{"times_with_zone", true}},
                              json::object{{"detailed", true}, {"times_with_zone", true}}}) {
        w.exchange().put("/habits", habit);
        const auto got = w.call("availability.get", {}, question);
        INFO(json::serialize(got));
        CHECK(at(got, "/output") == at(usual, "/output"));
    }
    CHECK_THAT(json::serialize(at(usual, "/output")), Contains("2026-12-01T09:00:00"));
    CHECK_THAT(w.agent_log(), !Contains("Redundancies"));
}

TEST_CASE("free/busy that Exchange cannot get from another organisation is explained as that",
          "[integration]")
{
    scenario w;
    const json::object question{{"mailboxes", json::array{"user1@corp.example"}},
                                {"start", "2026-12-01T00:00:00Z"},
                                {"end", "2026-12-02T00:00:00Z"}};
    for (const auto* code : {"ErrorInvalidOrganizationRelationshipForFreeBusy", "ErrorProxyRequestNotAllowed",
                             "ErrorUserWithoutFederatedProxyAddress"}) {
        w.faults({fault("GetUserAvailability", "before", "error", {{"code", code}}, 0)});
        const auto got = w.call("availability.get", "", question);
        INFO(json::serialize(got));
        REQUIRE(outcome(got) == "ok");
        CHECK(text_at(got, "/output/mailboxes/0/error/exchange") == code);
        CHECK_THAT(text_at(got, "/output/mailboxes/0/error/message"),
                   Contains("could not ask the organisation that the mailbox belongs to"));
    }
}

TEST_CASE("a Kerberos ticket that outgrew the web server is told as that, and books nothing", "[integration]")
{
    scenario w;
    w.faults(
        {fault("*", "before", "status",
               {{"status", 400},
                {"body", "<h2>Bad Request - Request Too Long</h2><p>HTTP Error 400. The size of the request "
                         "headers is too long.</p>"}},
               0)});
    const auto r = w.call("mailbox.verify", host, {});
    CHECK(outcome(r) == "exchange_error");
    CHECK_THAT(text_at(r, "/error/message"), Contains("Kerberos ticket") && Contains("MaxFieldLength"));
}
