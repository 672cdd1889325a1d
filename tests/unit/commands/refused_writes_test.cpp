// What an answered refusal of a write proves, and what it does not: saving and sending are two steps, and some answers are mishaps.
#include "tests/unit/commands/agent_fixture.hpp"

using namespace relay;
using namespace relay::test;

namespace {

// Exchange answered, and may have saved the item before.
ews::error refused_late(std::string_view code, protocol::fault_code as = protocol::fault_code::exchange_error)
{
    ews::error e;
    e.fault = {as, "Exchange answered " + std::string(code), std::string(code)};
    e.retry_action = ews::retry_action::give_up;
    e.effect = ews::effect::possible;
    return e;
}

ews::error changed_meanwhile()
{
    auto e = refused_late("ErrorIrresolvableConflict", protocol::fault_code::conflict);
    e.retry_action = ews::retry_action::retry;
    return e;
}

ews::error web_page()
{
    ews::error e;
    e.fault = {protocol::fault_code::exchange_unsupported, "the web server answered with a web page", {}};
    e.may_pass = true;
    return e;
}

std::string warning_code(const agent_fixture& f, const std::string& id)
{
    const auto* warning = f.output(id).if_contains("warning");
    return warning ? std::string(warning->at("exchange").as_string()) : "";
}

} // namespace

TEST_CASE_METHOD(agent_fixture,
                 "a create that was refused after it was saved is ok, with a warning, and not made again",
                 "[unit][commands]")
{
    exchange.troubles = {{call::create, refused_late("ErrorInvalidRecipients"), true, {}, true}};
    create_meeting("c-1", "e-1");
    time.advance(2s); // the request is over: nothing has to settle
    CHECK(ok("c-1"));
    CHECK(warning_code(*this, "c-1") == "ErrorInvalidRecipients");
    CHECK(exchange.effects("create e-1") == 1);
    CHECK(exchange.count(call::update) == 0); // to send again would be refused again
}

TEST_CASE_METHOD(agent_fixture,
                 "a create that was refused and not saved ends with the refusal after one certain look",
                 "[unit][commands]")
{
    exchange.troubles = {{call::create, refused_late("ErrorInvalidRecipients")}};
    create_meeting("c-1", "e-1");
    time.advance(4s);
    CHECK(result("c-1") == nullptr); // Exchange may show a new item late
    time.advance(4s);
    CHECK(code("c-1") == "exchange_error");
    CHECK(exchange.count(call::create) == 1);
}

TEST_CASE_METHOD(agent_fixture, "a refused create whose item Exchange shows late is found",
                 "[unit][commands]")
{
    exchange.lag = 3s;
    exchange.troubles = {{call::create, refused_late("ErrorQuotaExceeded"), true, {}, true}};
    create_meeting("c-1", "e-1");
    time.advance(8s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture,
                 "an update or a cancel that was refused after it was saved is ok, with a warning",
                 "[unit][commands]")
{
    put("item-9", "e-1", "c-0").marks.invited = true;
    exchange.troubles = {{call::update, refused_late("ErrorMessageSizeExceeded"), true},
                         {call::remove, refused_late("ErrorSendAsDenied"), true}};
    update("c-1", "e-1");
    time.advance(2s);
    CHECK(warning_code(*this, "c-1") == "ErrorMessageSizeExceeded");
    cancel_event("c-2", "e-1");
    time.advance(2s);
    CHECK(output("c-2").at("existed") == true);
    CHECK(warning_code(*this, "c-2") == "ErrorSendAsDenied");
    CHECK(exchange.count(call::update) == 1);
    CHECK(exchange.count(call::remove) == 1);
}

TEST_CASE_METHOD(agent_fixture,
                 "an update or a cancel that was refused and not saved ends with the refusal at once",
                 "[unit][commands]")
{
    put("item-9", "e-1", "c-0");
    exchange.troubles = {{call::update, refused_late("ErrorQuotaExceeded")},
                         {call::remove, refused_late("ErrorAccessDenied")}};
    update("c-1", "e-1");
    time.advance(2s);
    CHECK(code("c-1") == "exchange_error");
    cancel_event("c-2", "e-1");
    time.advance(2s);
    CHECK(code("c-2") == "exchange_error");
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture,
                 "a refusal that says that the work may go on is looked up until it has settled",
                 "[unit][commands]")
{
    auto timed_out = refused_late("ErrorTimeoutExpired");
    timed_out.effect = ews::effect::unknown;
    exchange.troubles = {{call::create, timed_out, false, 60s}};
    create("c-1", "e-1");
    time.advance(50s);
    CHECK(result("c-1") == nullptr);
    time.advance(30s);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture,
                 "a conflict that comes again and again ends as one, long before the command's time is over",
                 "[unit][commands]")
{
    put("item-9", "e-1", "c-0");
    exchange.troubles.assign(100, {call::update, changed_meanwhile()});
    update("c-1", "e-1");
    time.advance(2min);
    CHECK(code("c-1") == "conflict");
    CHECK(exchange.count(call::update) == 5);
    CHECK(exchange.told.empty());
}

TEST_CASE_METHOD(agent_fixture, "a conflict that passes, or was none, ends well", "[unit][commands]")
{
    put("item-9", "e-1", "c-0").marks.invited = true;
    SECTION("the next try succeeds")
    {
        exchange.troubles.assign(4, {call::update, changed_meanwhile()});
    }
    SECTION("the change was stored all the same")
    {
        exchange.troubles.assign(4, {call::update, changed_meanwhile()});
        exchange.troubles.push_back({call::update, changed_meanwhile(), true});
    }
    update("c-1", "e-1");
    time.advance(2min);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("update e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture, "an item that is found and never there ends an update, after some tries",
                 "[unit][commands]")
{
    put("item-9", "e-1", "c-0");
    ews::error gone;
    gone.fault = {protocol::fault_code::event_not_found, "gone", "ErrorItemNotFound"};
    gone.retry_action = ews::retry_action::retry;
    exchange.troubles.assign(100, {call::update, gone});
    update("c-1", "e-1");
    time.advance(2min);
    CHECK(code("c-1") == "event_not_found");
    CHECK(exchange.count(call::update) == 5);
}

TEST_CASE_METHOD(agent_fixture, "one page in place of an answer does not end a write, a wrong address does",
                 "[unit][commands]")
{
    SECTION("one page")
    {
        exchange.troubles = {{call::find, web_page()}};
        create("c-1", "e-1");
        time.advance(1min);
        CHECK(ok("c-1"));
    }
    SECTION("nothing but pages")
    {
        exchange.troubles.assign(100, {call::find, web_page()});
        create("c-1", "e-1");
        time.advance(2min);
        CHECK(code("c-1") == "exchange_unsupported");
        CHECK(exchange.count(call::find) == 5);
    }
}

TEST_CASE_METHOD(agent_fixture,
                 "a write that waited over a restart is not ended by pages before its time is over",
                 "[unit][commands]")
{
    exchange.troubles.assign(1000, {call::find, outage});
    create("c-1", "e-1");
    time.advance(10s);
    stop();
    exchange.troubles.assign(1000, {call::find, web_page()});
    start();
    time.advance(1h);
    CHECK(result("c-1") == nullptr);
    exchange.troubles.clear();
    time.advance(2min);
    CHECK(ok("c-1"));
    CHECK(exchange.effects("create e-1") == 1);
}

TEST_CASE_METHOD(agent_fixture, "a zone that the server lacks is replaced by UTC", "[unit][commands]")
{
    ews::error lacks_zone;
    lacks_zone.fault = {protocol::fault_code::exchange_error, "zone", "ErrorTimeZone"};
    const auto in_zone = [&](const std::string& id) {
        send(id, "event.create",
             {{"event_id", "e-" + id},
              {"subject", "S"},
              {"start", "2026-11-23T09:00:00Z"},
              {"end", "2026-11-23T10:00:00Z"},
              {"time_zone", "America/Whitehorse"}});
    };
    exchange.troubles = {{call::create, lacks_zone}};
    in_zone("c-1");
    time.advance(1s);
    CHECK(ok("c-1"));
    CHECK(exchange.items.at(0).fields.windows_zone == "UTC");
    send("c-2", "event.update", {{"event_id", "e-c-1"}, {"set", {{"time_zone", "America/Whitehorse"}}}});
    time.advance(1s);
    CHECK(ok("c-2"));
    exchange.troubles = {{call::update, lacks_zone}};
    send("c-3", "event.update", {{"event_id", "e-c-1"}, {"set", {{"time_zone", "America/Whitehorse"}}}});
    time.advance(1s);
    CHECK(ok("c-3"));
    // Whatever else it is about the time zone ends it.
    exchange.troubles = {{call::create, lacks_zone}, {call::create, lacks_zone}};
    in_zone("c-4");
    time.advance(1s);
    CHECK(code("c-4") == "exchange_error");
}
