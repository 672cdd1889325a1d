#include "agent/ews/answers.hpp"
#include "tests/unit/ews/request_samples.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::ews;

// What a request writes and what an answer reads is the same element: one must understand the other.
TEST_CASE("an item reads back as it was written", "[unit][ews]")
{
    const auto f = test::full_fields();
    auto xml =
        write_create(test::mailbox("o@corp.example"), f, {"ev-1", "c-1"}, "uid-1", protocol::notify::all);
    const auto first = xml.find("<t:CalendarItem>"), last = xml.find("</m:Items>");
    xml = xml.substr(first, last - first)
              .insert(std::string_view("<t:CalendarItem>").size(), "<t:ItemId Id='A'/>");
    const soap_answer a(test::success("GetItem", "<m:Items>" + xml + "</m:Items>"));
    const auto got = read_item(a, {operation::get_item, true, true});
    REQUIRE(got.has_value());
    CHECK(got->uid == "uid-1");
    CHECK(got->event_id == "ev-1");
    CHECK(got->command_id == "c-1");
    CHECK(got->windows_zone == *f.windows_zone);
    CHECK(got->windows_end_zone == *f.windows_end_zone);
    CHECK(got->body_note == *f.body_note);
    CHECK_FALSE(got->location_filled);
    CHECK(got->fields.subject == *f.subject);
    CHECK(got->fields.start == *f.start);
    CHECK(got->fields.end == *f.end);
    CHECK(got->fields.time_zone == f.iana_zone.value());
    REQUIRE(got->fields.body.has_value());
    CHECK(got->fields.body->content == (*f.body)->content);
    CHECK(got->fields.location == *f.location);
    CHECK(got->fields.online_meeting_url == *f.online_meeting_url);
    CHECK(got->fields.show_as == *f.show_as);
    CHECK(got->fields.reminder_minutes == *f.reminder_minutes);
    CHECK(got->fields.is_private);
    CHECK(got->fields.categories == *f.categories);
    REQUIRE(got->fields.attendees.size() == 4); // by group
    CHECK(got->fields.attendees[1].email.str() == "c@corp.example");
    CHECK(got->fields.attendees[3].role == protocol::attendee_role::resource);
    CHECK(got->fields.attendees[0].name == "Anna, \"A\"");
}
