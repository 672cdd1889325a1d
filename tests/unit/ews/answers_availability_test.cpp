#include "agent/ews/answers.hpp"
#include "tests/unit/ews/samples.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::ews;
using protocol::fault_code;
using test::at;

namespace {

constexpr call c{operation::get_user_availability, false, true};
const availability_window window{at("2026-01-05T00:00:00Z"), at("2026-01-06T00:00:00Z"),
                                 std::chrono::minutes{30}};

std::string event(std::string_view start, std::string_view end, std::string_view type)
{
    return fmt::format("<t:CalendarEvent><t:StartTime>{}</t:StartTime><t:EndTime>\r\n {} </t:EndTime>"
                       "<t:BusyType> {}\n</t:BusyType></t:CalendarEvent>",
                       start, end, type);
}

std::string view(std::string_view type, std::string_view content)
{
    return fmt::format(
        "<m:FreeBusyResponse><m:ResponseMessage "
        "ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>"
        "</m:ResponseMessage><m:FreeBusyView><t:FreeBusyViewType>{}</t:FreeBusyViewType>{}</m:FreeBusyView>"
        "</m:FreeBusyResponse>",
        type, content);
}

std::string events(std::string_view list)
{
    return view("FreeBusy", fmt::format("<t:CalendarEventArray>{}</t:CalendarEventArray>", list));
}

std::string refused(std::string_view code)
{
    return fmt::format(
        "<m:FreeBusyResponse><m:ResponseMessage ResponseClass=\"Error\"><m:ResponseCode>{}</m:ResponseCode>"
        "</m:ResponseMessage><m:FreeBusyView><t:FreeBusyViewType>None</t:FreeBusyViewType></m:FreeBusyView>"
        "</m:FreeBusyResponse>",
        code);
}

std::string answer_holding(std::string_view responses)
{
    return test::envelope(fmt::format("<m:GetUserAvailabilityResponse><m:FreeBusyResponseArray>{}"
                                      "</m:FreeBusyResponseArray></m:GetUserAvailabilityResponse>",
                                      responses));
}

outcome<std::vector<mailbox_busy>> read(std::string_view responses, std::size_t count)
{
    const soap_answer a(answer_holding(responses));
    REQUIRE(a.problem() == unreadable::none);
    return read_availability(a, count, window, c);
}

fault_code code_of_only(std::string_view responses)
{
    const auto got = read(responses, 1);
    REQUIRE(got.has_value());
    REQUIRE((*got)[0].has_error());
    return (*got)[0].error().code;
}

} // namespace

TEST_CASE("an answer for another number of mailboxes is an error as a whole", "[unit][ews]")
{
    CHECK(read(events(""), 2).error().fault.code == fault_code::exchange_unavailable);
    CHECK(read(events("") + events(""), 1).has_error());
    CHECK(read("", 1).has_error());
    const soap_answer other(test::envelope("<m:GetUserAvailabilityResponse/>"));
    CHECK(read_availability(other, 1, window, c).has_error());
}

TEST_CASE("a mailbox that Exchange refuses fails alone, in its place", "[unit][ews]")
{
    const auto got = read(events("") + refused("ErrorMailRecipientNotFound") +
                              refused("ErrorNoFreeBusyAccess") + events(""),
                          4);
    REQUIRE(got.has_value());
    CHECK((*got)[0].has_value());
    CHECK((*got)[1].error().code == fault_code::mailbox_not_found);
    CHECK((*got)[1].error().exchange == "ErrorMailRecipientNotFound");
    CHECK((*got)[2].error().code == fault_code::exchange_error);
    CHECK((*got)[3].has_value());
}

TEST_CASE("nothing but a readable view is taken for free time", "[unit][ews]")
{
    CHECK(code_of_only(view("None", "")) == fault_code::exchange_error);
    CHECK(code_of_only(view("", "")) == fault_code::exchange_error);
    CHECK(code_of_only(view("MergedOnly", "")) == fault_code::exchange_error);
    CHECK(read("<m:FreeBusyResponse/>", 1).error().fault.code == fault_code::exchange_unavailable);
    CHECK(code_of_only(events(event("yesterday", "2026-01-05T10:00:00", "Busy"))) ==
          fault_code::exchange_error);
    CHECK(code_of_only(events("<t:CalendarEvent/>")) == fault_code::exchange_error);
}

TEST_CASE("an entry that ends before it starts, or was never given a time, is left out; the rest counts",
          "[unit][ews]")
{
    const auto good = event("2026-01-05T12:00:00", "2026-01-05T13:00:00", "Busy");
    const std::vector<std::string> broken{event("2026-01-05T10:00:00", "2026-01-05T09:00:00", "Busy"),
                                          event("0001-01-01T00:00:00", "2026-01-05T09:00:00", "Busy"),
                                          event("0001-01-01T00:00:00", "0001-01-01T00:00:00", "Free"),
                                          event("2026-01-05T10:00:00", "0001-01-01T00:00:00Z", "OOF")};
    for (const auto& entry : broken) {
        std::vector<std::size_t> left_out;
        const soap_answer a(answer_holding(events(good) + events(entry + good)));
        const auto got = read_availability(a, 2, window, c, &left_out);
        REQUIRE(got.has_value());
        REQUIRE((*got)[1].has_value());
        CHECK(*(*got)[1] == *(*got)[0]);
        CHECK((*got)[1]->size() == 1);
        CHECK(left_out == std::vector<std::size_t>{1});
    }
}

TEST_CASE("a server in trouble as a whole fails the call, so that it is tried again", "[unit][ews]")
{
    const auto busy = read(refused("ErrorServerBusy") + refused("ErrorServerBusy"), 2);
    REQUIRE(busy.has_error());
    CHECK(busy.error().retry_action == retry_action::back_off);
    CHECK(busy.error().whole_server);
    CHECK(read(refused("ErrorInternalServerTransientError"), 1).error().retry_action == retry_action::retry);
    CHECK(read(refused("ErrorServerBusy") + events(""), 2).has_value());
    // A mailbox on another server, or moved to the cloud, is that mailbox's trouble.
    CHECK(code_of_only(refused("ErrorProxyRequestProcessingFailed")) == fault_code::exchange_unavailable);
}

TEST_CASE("times without a zone are UTC, words may have white space around them", "[unit][ews]")
{
    const auto got = read(events(event(" 2026-01-05T09:00:00", "2026-01-05T10:00:00", "Tentative") +
                                 event("2026-01-05T12:00:00+01:00", "2026-01-05T12:00:00Z", "OOF")),
                          1);
    REQUIRE(got.has_value());
    REQUIRE((*got)[0].has_value());
    CHECK(*(*got)[0] == std::vector<busy_period>{
                            {at("2026-01-05T09:00:00Z"), at("2026-01-05T10:00:00Z"), busy_status::tentative},
                            {at("2026-01-05T11:00:00Z"), at("2026-01-05T12:00:00Z"), busy_status::oof}});
}

TEST_CASE("free, empty and outside periods are left out, the rest comes whole", "[unit][ews]")
{
    const auto got = read(events(event("2026-01-05T01:00:00", "2026-01-05T02:00:00", "Free") +
                                 event("2026-01-05T03:00:00", "2026-01-05T03:00:00", "Busy") +
                                 event("2026-01-04T22:00:00", "2026-01-05T00:00:00", "Busy") +
                                 event("2026-01-06T00:00:00", "2026-01-06T01:00:00", "Busy") +
                                 event("2026-01-04T22:00:00", "2026-01-05T01:00:00", "WorkingElsewhere") +
                                 event("2026-01-05T23:00:00", "2026-01-07T00:00:00", "NoData") +
                                 event("2026-01-05T20:00:00", "2026-01-05T21:00:00", "SomethingNew")),
                          1);
    REQUIRE((*got)[0].has_value());
    CHECK(*(*got)[0] ==
          std::vector<busy_period>{
              {at("2026-01-04T22:00:00Z"), at("2026-01-05T01:00:00Z"), busy_status::working_elsewhere},
              {at("2026-01-05T23:00:00Z"), at("2026-01-07T00:00:00Z"), busy_status::no_data},
              {at("2026-01-05T20:00:00Z"), at("2026-01-05T21:00:00Z"), busy_status::busy}});
}

TEST_CASE("a view without a list of events has none", "[unit][ews]")
{
    const auto got =
        read(view("FreeBusy", "") + view("Detailed", "<t:WorkingHours/>") + view("FreeBusyMerged", ""), 3);
    for (const auto& mailbox : *got) {
        REQUIRE(mailbox.has_value());
        CHECK(mailbox->empty());
    }
}

TEST_CASE("merged digits are read interval by interval, from the start of the window; past their end nothing "
          "is known",
          "[unit][ews]")
{
    const auto got = read(view("MergedOnly", "<t:MergedFreeBusy> 0220134059\n</t:MergedFreeBusy>"), 1);
    REQUIRE((*got)[0].has_value());
    CHECK(*(*got)[0] ==
          std::vector<busy_period>{
              {at("2026-01-05T00:30:00Z"), at("2026-01-05T01:30:00Z"), busy_status::busy},
              {at("2026-01-05T02:00:00Z"), at("2026-01-05T02:30:00Z"), busy_status::tentative},
              {at("2026-01-05T02:30:00Z"), at("2026-01-05T03:00:00Z"), busy_status::oof},
              {at("2026-01-05T03:00:00Z"), at("2026-01-05T03:30:00Z"), busy_status::no_data},
              {at("2026-01-05T04:00:00Z"), at("2026-01-05T04:30:00Z"), busy_status::working_elsewhere},
              {at("2026-01-05T04:30:00Z"), at("2026-01-06T00:00:00Z"), busy_status::no_data}});
}

TEST_CASE("merged digits beyond the window are not looked at", "[unit][ews]")
{
    const auto got =
        read(view("MergedOnly", "<t:MergedFreeBusy>" + std::string(1000, '2') + "</t:MergedFreeBusy>"), 1);
    REQUIRE((*got)[0].has_value());
    CHECK(*(*got)[0] == std::vector<busy_period>{{window.start, window.end, busy_status::busy}});
}
