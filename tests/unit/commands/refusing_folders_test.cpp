// Folders that refuse to be searched: what is in them counts as not found, but where that decides whether a write is repeated.
#include "tests/unit/commands/agent_fixture.hpp"

using namespace relay;
using namespace relay::test;
using Catch::Contains;

namespace {

ews::error access_denied()
{
    ews::error e;
    e.fault = {protocol::fault_code::exchange_error, "Exchange answered ErrorAccessDenied: forbidden",
               "ErrorAccessDenied"};
    return e;
}

struct refusing_fixture : agent_fixture {
    refusing_fixture()
    {
        exchange.folders = {{"F1", ews::item_location::live}, {"F2", ews::item_location::live}};
    }

    std::string message(const std::string& id) const
    {
        return std::string(result(id)->at("error").as_object().at("message").as_string());
    }
};

} // namespace

TEST_CASE_METHOD(refusing_fixture, "an event is found although another folder of its mailbox refuses",
                 "[unit][commands]")
{
    exchange.refusing["F1"] = access_denied();
    put("i-1", "e-1", "c-0").folder = "F2";
    update("c-1", "e-1");
    time.advance(1s);
    CHECK(ok("c-1"));
}

TEST_CASE_METHOD(refusing_fixture, "an event that is found nowhere says which folders were not searched",
                 "[unit][commands]")
{
    exchange.refusing["F1"] = access_denied();
    send("c-1", "event.get", {{"event_id", "e-1"}});
    update("c-2", "e-2");
    cancel_event("c-3", "e-3");
    time.advance(20s);
    for (const auto* id : {"c-1", "c-2"}) {
        CHECK(code(id) == "event_not_found");
        CHECK_THAT(message(id),
                   Contains("1 of the mailbox's folders cannot be searched (ErrorAccessDenied)"));
    }
    CHECK_FALSE(output("c-3").at("existed").as_bool());
    CHECK(output("c-3").at("warning").at("exchange").as_string() == "ErrorAccessDenied");
}

TEST_CASE_METHOD(refusing_fixture, "what may be a repeat is not applied while Deleted Items refuse",
                 "[unit][commands]")
{
    exchange.refusing[""] = access_denied();
    put("i-1", "e-1", "c-0");
    create_meeting("c-1", "e-9"); // nobody can have tried this
    update("c-2", "e-1");
    time.advance(1s);
    CHECK(ok("c-1"));
    CHECK(ok("c-2"));
    create_meeting("c-3", "e-3", true);
    update("c-4", "e-4");
    time.advance(1min);
    CHECK(code("c-3") == "exchange_error");
    CHECK_THAT(message("c-3"), Contains("Deleted Items cannot be searched"));
    CHECK(exchange.effects("create e-3") == 0);
    CHECK(code("c-4") == "event_not_found");
}

TEST_CASE_METHOD(refusing_fixture,
                 "a create whose answer was lost is known by its item while Deleted Items refuse",
                 "[unit][commands]")
{
    exchange.refusing[""] = access_denied();
    exchange.troubles = {{call::create, answer_lost, true}};
    create_meeting("c-1", "e-1");
    time.advance(20s);
    CHECK(ok("c-1"));
    exchange.troubles = {{call::create, answer_lost, false}};
    create_meeting("c-2", "e-2");
    time.advance(1h);
    CHECK(code("c-2") == "exchange_error");
    CHECK(exchange.effects("create e-2") == 0);
}
