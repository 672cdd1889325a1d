#include "agent/ews/soap_answer.hpp"
#include "agent/ews/soap_request.hpp"
#include "common/text/text.hpp"
#include "tests/unit/ews/request_samples.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::ews;
using test::at;
using test::mailbox;

namespace {

bool has(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

const auto host = mailbox("organizer@corp.example");
const marks both_marks{"ev-1", "c-01"};

} // namespace

TEST_CASE("every request names the schema version, and is UTF-8 that a parser takes", "[unit][ews]")
{
    for (const auto& request : test::all_requests()) {
        CAPTURE(request.what, request.xml);
        CHECK(has(request.xml, R"(<t:RequestServerVersion Version="Exchange2013_SP1")"));
        CHECK(is_xml_text(request.xml));
        CHECK(soap_answer(request.xml).problem() == unreadable::none);
    }
}

TEST_CASE("text that XML cannot carry is dropped, the rest stays", "[unit][ews]")
{
    CHECK(xml_text("plain \xc3\xa4\t\r\n") == "plain \xc3\xa4\t\r\n");
    CHECK(xml_text(std::string_view("a\0b\x01"
                                    "c",
                                    5)) == "abc");
    CHECK(xml_text("a\xff\xed\xa0\x80z\xef\xbf\xbe\xf0\x9f\x93\x85\xf0\x9f") == "az\xf0\x9f\x93\x85");
    CHECK(xml_text("").empty());
}

TEST_CASE("markup in a value stays a value", "[unit][ews]")
{
    const std::vector<find_position> folders{{item_location::live}};
    const soap_answer a(write_find(host, "\"><m:Restriction/>&", folders));
    REQUIRE(a.problem() == unreadable::none);
    const auto constant = child(
        child(child(child(a.operation(), "Restriction"), "IsEqualTo"), "FieldURIOrConstant"), "Constant");
    CHECK(std::string(constant.attribute("Value").value()) == "\"><m:Restriction/>&");
}

TEST_CASE("calendar fields are asked for only where calendar items lie", "[unit][ews]")
{
    const std::vector<find_position> usual{{item_location::live}, {item_location::deleted}},
        other{{item_location::live, 0, "AAM="}};
    CHECK(has(write_find(host, "ev-1", usual), "calendar:MeetingRequestWasSent"));
    CHECK_FALSE(has(write_find(host, "ev-1", other), "calendar:"));
    CHECK(has(write_find(host, "ev-1", other), "<t:FolderId Id=\"AAM=\""));
}

TEST_CASE("requests about a mailbox act for it, free/busy acts as the service account", "[unit][ews]")
{
    CHECK(has(write_open_folder(host, "calendar"),
              "<t:PrimarySmtpAddress>organizer@corp.example</t:PrimarySmtpAddress>"));
    CHECK(has(write_resolve_names("x", &host), "ExchangeImpersonation"));
    CHECK_FALSE(has(write_resolve_names("x"), "ExchangeImpersonation"));
    CHECK_FALSE(has(
        write_availability({&host, 1}, window_for(at("2026-01-05T00:00:00Z"), at("2026-01-06T00:00:00Z"))),
        "ExchangeImpersonation"));
}

TEST_CASE("the service account is looked up by address or by name without its domain", "[unit][ews]")
{
    CHECK(resolvable_name("CORP\\workestra-svc") == "workestra-svc");
    CHECK(resolvable_name("svc@corp.example") == "smtp:svc@corp.example");
    CHECK(resolvable_name(" svc ") == "svc");
    CHECK_FALSE(resolvable_name("").empty()); // the schema wants something
    CHECK_FALSE(resolvable_name("CORP\\").empty());
}

TEST_CASE("a free/busy window covers what was asked and keeps to Exchange's limits", "[unit][ews]")
{
    const auto usual = window_for(at("2026-01-05T00:00:00.250Z"), at("2026-01-12T00:00:00.250Z"));
    CHECK(usual.start == at("2026-01-05T00:00:00Z"));
    CHECK(usual.merge_interval == 5min);
    CHECK(usual.end == at("2026-01-12T00:05:00Z")); // whole intervals
    const auto moment = window_for(at("2026-01-05T00:00:00Z"), at("2026-01-05T00:00:01Z"));
    CHECK(moment.end - moment.start > moment.merge_interval);
    const auto half_hour = window_for(at("2026-01-05T00:00:00Z"), at("2026-01-05T00:30:00Z"));
    CHECK(half_hour.merge_interval == 5min);
    const auto longest = window_for(at("2026-01-05T00:00:00.001Z"), at("2026-02-16T00:00:00.001Z"));
    CHECK(longest.end - longest.start == max_availability_window);
    CHECK(has(write_availability({&host, 1}, usual), "<t:StartTime>2026-01-05T00:00:00</t:StartTime>"));
}

TEST_CASE("a new item carries both marks, its zone and its notes", "[unit][ews]")
{
    const auto xml = write_create(host, test::full_fields(), both_marks, "uid-1", protocol::notify::all);
    CHECK(has(xml, R"(SendMeetingInvitations="SendToAllAndSaveCopy")"));
    CHECK(has(
        xml,
        R"(<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="6e2a1f0c-3c1b-4a58-9d0e-5f3b7c2a9e41" )"
        R"(PropertyName="WorkestraEventId" PropertyType="String"/><t:Value>ev-1</t:Value></t:ExtendedProperty>)"));
    CHECK(has(xml, R"(PropertyName="WorkestraCommandId" PropertyType="String"/><t:Value>c-01</t:Value>)"));
    CHECK(has(xml,
              R"(PropertyName="WorkestraTimeZone" PropertyType="String"/><t:Value>Europe/Berlin</t:Value>)"));
    CHECK(has(xml,
              R"(PropertyName="WorkestraLocationFilled" PropertyType="String"/><t:Value>false</t:Value>)"));
    CHECK(has(xml, "<t:Start>2026-03-29T00:30:00Z</t:Start>"));
    CHECK(has(xml,
              R"(<t:StartTimeZone Id="W. Europe Standard Time"/><t:EndTimeZone Id="Nepal Standard Time"/>)"));
    CHECK(has(xml, "<t:Sensitivity>Private</t:Sensitivity>"));
    CHECK(
        has(xml,
            "<t:Resources><t:Attendee><t:Mailbox><t:Name>Room 1</t:Name><t:EmailAddress>room1@corp.example"));
    CHECK(has(xml, "]]&gt;&lt;/p&gt;&#13;\n</t:Body>")); // a carriage return survives only as a reference
}

TEST_CASE("a new item without a reminder says so, as Exchange's default is one", "[unit][ews]")
{
    const auto xml = write_create(host, test::plain_fields(), both_marks, "u", protocol::notify::none);
    CHECK(has(xml, "<t:ReminderIsSet>false</t:ReminderIsSet>"));
    CHECK_FALSE(has(xml, "ReminderMinutesBeforeStart"));
    CHECK(has(xml, R"(SendMeetingInvitations="SendToNone")"));
    CHECK(has(xml, "<t:Sensitivity>Normal</t:Sensitivity>"));
    CHECK(has(xml, "<t:LegacyFreeBusyStatus>Busy</t:LegacyFreeBusyStatus>"));
    CHECK_FALSE(has(xml, "Attendees"));
}

TEST_CASE("a new item with nobody to invite does not ask to send", "[unit][ews]")
{
    auto fields = test::plain_fields();
    fields.attendees.emplace();
    CHECK(has(write_create(host, fields, both_marks, "u", protocol::notify::all),
              R"(SendMeetingInvitations="SendToNone")"));
    fields.attendees.reset();
    CHECK(has(write_create(host, fields, both_marks, "u", protocol::notify::all),
              R"(SendMeetingInvitations="SendToNone")"));
}

TEST_CASE("an update sets the command's mark together with what it changes", "[unit][ews]")
{
    const auto xml = write_update(host, {"id", "key"}, {}, "c-02", protocol::notify::changed);
    CHECK(has(
        xml,
        R"(<t:Updates><t:SetItemField><t:ExtendedFieldURI PropertySetId="6e2a1f0c-3c1b-4a58-9d0e-5f3b7c2a9e41" )"
        R"(PropertyName="WorkestraCommandId" PropertyType="String"/><t:CalendarItem>)"));
    CHECK(has(xml, R"(SendMeetingInvitationsOrCancellations="SendToChangedAndSaveCopy")"));
    CHECK(has(xml, R"(<t:ItemId Id="id" ChangeKey="key"/>)"));
    CHECK_FALSE(has(xml, "DeleteItemField"));
}

TEST_CASE("what an update clears is deleted, groups of attendees one by one", "[unit][ews]")
{
    const auto xml = write_update(host, {"id", ""}, test::clearing_fields(), "c-02", protocol::notify::all);
    for (const auto* field :
         {"item:Body", "item:Categories", "calendar:Location", "calendar:RequiredAttendees",
          "calendar:OptionalAttendees", "calendar:Resources"})
        CHECK(has(xml, fmt::format(R"(<t:DeleteItemField><t:FieldURI FieldURI="{}"/></t:DeleteItemField>)",
                                   field)));
    CHECK(has(xml, "<t:ReminderIsSet>false</t:ReminderIsSet>"));
    CHECK(has(xml, R"(<t:ItemId Id="id"/>)"));

    item_fields only_rooms;
    only_rooms.attendees = {{mailbox("room1@corp.example"), "", protocol::attendee_role::resource}};
    const auto rooms = write_update(host, {"id", ""}, only_rooms, "c-02", protocol::notify::all);
    CHECK(has(rooms, R"(<t:DeleteItemField><t:FieldURI FieldURI="calendar:RequiredAttendees"/>)"));
    CHECK(has(rooms, R"(<t:SetItemField><t:FieldURI FieldURI="calendar:Resources"/>)"));
}

TEST_CASE("a removal moves the item to Deleted Items and cancels for all or for nobody", "[unit][ews]")
{
    CHECK(has(write_remove(host, {"id", "key"}, protocol::notify::all),
              R"(DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendToAllAndSaveCopy")"));
    CHECK(has(write_remove(host, {"id", "key"}, protocol::notify::none),
              R"(SendMeetingCancellations="SendToNone")"));
}
