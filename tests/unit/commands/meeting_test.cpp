#include "agent/commands/meeting.hpp"

#include "agent/commands/meeting_body.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::commands;
using protocol::body_format;
using protocol::event_body;

namespace {

constexpr utc_time monday = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};
const std::string url = "https://meet.example/x?a=1&b=\"2\"";

protocol::event_fields wanted()
{
    protocol::event_fields f;
    f.subject = "Interview";
    f.start = monday + 9h;
    f.end = monday + 10h;
    return f;
}

template <class T>
bool cleared(const protocol::change<T>& c)
{
    return c.has_value() && !c->has_value();
}

// What Exchange holds after the fields were written to a new item.
ews::item written(const ews::item_fields& f)
{
    ews::item i;
    i.fields.subject = f.subject.value_or("");
    i.fields.start = *f.start;
    i.fields.end = *f.end;
    i.windows_zone = f.windows_zone.value_or("");
    i.fields.body = f.body.value_or(std::nullopt);
    i.fields.location = f.location.value_or(std::nullopt);
    i.fields.online_meeting_url = f.online_meeting_url.value_or(std::nullopt);
    i.fields.time_zone = f.iana_zone.value_or(std::nullopt);
    i.body_note = f.body_note.value_or(std::nullopt).value_or("");
    i.location_filled = f.location_filled.value_or(false);
    return i;
}

} // namespace

TEST_CASE("the link is put into a body and taken out again without a trace", "[unit][commands]")
{
    const auto body =
        GENERATE(event_body{body_format::text, "Hello\nworld"}, event_body{body_format::html, "<p>Hello</p>"},
                 event_body{body_format::html, "<html><body><p>Hello</p></body></html>"},
                 event_body{body_format::text, ""}, event_body{body_format::text, "ends in a line end\n"});
    const auto with = with_link(body, url);
    CHECK(with.format == body.format);
    CHECK(with.content != body.content);
    if (!body.content.empty())
        CHECK(without_link(with) == body);
}

TEST_CASE("a body that was only the link is no body", "[unit][commands]")
{
    const auto with = with_link(std::nullopt, url);
    CHECK(with.format == body_format::html);
    CHECK(with.content.find("href=\"https://meet.example/x?a=1&amp;b=&quot;2&quot;\"") != std::string::npos);
    CHECK(without_link(with) == std::nullopt);
    CHECK(without_link({body_format::html,
                        "<html><head></head><body>" + with.content + "\r\n</body></html>"}) == std::nullopt);
}

TEST_CASE("the link is found again in a text whose line ends Exchange changed", "[unit][commands]")
{
    auto with = with_link(event_body{body_format::text, "Agenda"}, url);
    std::string crlf;
    for (const char c : with.content)
        crlf += c == '\n' ? "\r\n" : std::string(1, c);
    CHECK(without_link({body_format::text, crlf}) == event_body{body_format::text, "Agenda"});
}

TEST_CASE("a fragment of HTML comes back without the document that Exchange puts around it",
          "[unit][commands]")
{
    const std::string head = "<html>\r\n<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; "
                             "charset=utf-8\">\r\n</head>\r\n<body>\r\n";
    const event_body given{body_format::html, "<p>Hello</p>\n<p>you</p>"};
    CHECK(without_link({body_format::html, head + given.content + "\r\n</body>\r\n</html>\r\n"}) == given);
    CHECK(without_link({body_format::html,
                        head + with_link(given, url).content + "\r\n</body>\r\n</html>\r\n"}) == given);
    const event_body document{body_format::html,
                              "<html><head><title>T</title></head><body><p>x</p></body></html>"};
    CHECK(without_link(document) == document);
    for (const auto* broken : {"<html><head><meta ", "<html><head><meta x></head><body>",
                               "<html><head><meta x></head></body><body>"})
        CHECK(without_link({body_format::html, broken})->content == broken);
}

TEST_CASE("a body that never had a link stays as it is", "[unit][commands]")
{
    const event_body body{body_format::text, "Join online: ask Bob\n________________________________\nbye"};
    CHECK(without_link(body) == body);
    const event_body empty{body_format::text, ""};
    CHECK(without_link(empty) == empty);
}

TEST_CASE("what looks like the agent's or Exchange's own is kept where it was given", "[unit][commands]")
{
    const auto body = GENERATE(
        event_body{body_format::text, "  "}, event_body{body_format::text, ""},
        event_body{body_format::html, ""}, event_body{body_format::html, "<p></p>"},
        event_body{body_format::text, "Agenda\r\n"},
        event_body{body_format::html, "<html><head><meta charset=utf-8></head><body><p>x</p></body></html>"},
        event_body{body_format::html, "<div id=\"workestra-online-meeting\">of another meeting</div>"},
        event_body{body_format::text,
                   "________________________________\nJoin online: https://other.example"});
    auto f = wanted();
    f.body = body;
    CHECK(as_given(written(fields_for_create(f))).body == body);
    f.online_meeting_url = url;
    CHECK(as_given(written(fields_for_create(f))).body == body);
    auto item = written(fields_for_create(f));
    if (body.format == body_format::html)
        item.fields.body->content = "<html>\r\n<head>\r\n<meta charset=utf-8>\r\n</head>\r\n<body>\r\n" +
                                    item.fields.body->content + "\r\n</body>\r\n</html>\r\n";
    CHECK(as_given(item).body == body);
}

TEST_CASE("a text comes back with the line ends that it was given with", "[unit][commands]")
{
    auto f = wanted();
    f.body = event_body{body_format::text, "one\ntwo\n"};
    f.online_meeting_url = url;
    auto item = written(fields_for_create(f));
    std::string crlf;
    for (const char c : item.fields.body->content)
        crlf += c == '\n' ? "\r\n" : std::string(1, c);
    item.fields.body->content = crlf;
    CHECK(as_given(item).body == f.body);
}

TEST_CASE("a body that somebody changed in Outlook is told as it is now", "[unit][commands]")
{
    auto f = wanted();
    f.body = event_body{body_format::text, "Agenda"};
    f.online_meeting_url = url;
    auto item = written(fields_for_create(f));
    item.fields.body->content.insert(0, "Changed ");
    CHECK(as_given(item).body == event_body{body_format::text, "Changed Agenda"});
    protocol::event_changes set;
    set.online_meeting_url = std::optional<std::string>{};
    const auto update = fields_for_update(set, item);
    CHECK(update->body == std::optional(std::optional(event_body{body_format::text, "Changed Agenda"})));
    CHECK(update->body_note ==
          std::optional(std::optional(note_of(event_body{body_format::text, "Changed Agenda"}))));
}

TEST_CASE("an update tells who comes and goes from what else it changes", "[unit][commands]")
{
    const auto person = [](const char* email, protocol::attendee_role role) {
        return protocol::attendee{*mailbox_address::parse(email), "", role};
    };
    auto f = wanted();
    f.attendees = {person("a@x.example", protocol::attendee_role::required),
                   person("b@x.example", protocol::attendee_role::required)};
    auto item = written(fields_for_create(f));
    item.fields.attendees = f.attendees;
    ews::item_fields change;
    CHECK_FALSE(changes_who_is_asked(change, item));
    CHECK_FALSE(changes_more_than_attendees(change));
    change.attendees = {person("B@X.example", protocol::attendee_role::optional),
                        person("a@x.example", protocol::attendee_role::required)};
    CHECK_FALSE(changes_who_is_asked(change, item));
    change.attendees->pop_back();
    CHECK(changes_who_is_asked(change, item));
    CHECK_FALSE(changes_more_than_attendees(change));
    change.subject = "New";
    CHECK(changes_more_than_attendees(change));
}

TEST_CASE("the link fills the location where none is given and the URL fits", "[unit][commands]")
{
    auto f = wanted();
    f.online_meeting_url = url;
    CHECK(fields_for_create(f).location == std::optional(std::optional(url)));
    CHECK(fields_for_create(f).location_filled == true);

    f.location = "Room 4";
    CHECK(fields_for_create(f).location == std::optional(std::optional(std::string("Room 4"))));
    CHECK(fields_for_create(f).location_filled.value_or(false) == false);

    f.location.reset();
    f.online_meeting_url = "https://meet.example/" + std::string(300, 'x');
    CHECK_FALSE(fields_for_create(f).location.has_value());
}

TEST_CASE("what was created reads back as it was given", "[unit][commands]")
{
    auto f = wanted();
    f.time_zone = "Europe/Berlin";
    f.online_meeting_url = url;
    f.body = event_body{body_format::html, "<p>Agenda</p>"};
    const auto item = written(fields_for_create(f));
    CHECK(item.windows_zone == "W. Europe Standard Time");
    const auto given = as_given(item);
    CHECK(given.body == f.body);
    CHECK(given.location == std::nullopt);
    CHECK(given.online_meeting_url == url);
    CHECK(given.time_zone == "Europe/Berlin");
}

TEST_CASE("a zone that somebody chose in Outlook wins over the noted one", "[unit][commands]")
{
    auto f = wanted();
    f.time_zone = "Europe/Berlin";
    auto item = written(fields_for_create(f));
    item.windows_zone = "Tokyo Standard Time";
    CHECK(as_given(item).time_zone == "Asia/Tokyo");
}

TEST_CASE("a new body keeps the link", "[unit][commands]")
{
    auto f = wanted();
    f.online_meeting_url = url;
    const auto item = written(fields_for_create(f));
    protocol::event_changes set;
    set.body = event_body{body_format::text, "New agenda"};
    const auto update = fields_for_update(set, item);
    REQUIRE(update.has_value());
    CHECK(update->body ==
          std::optional(std::optional(with_link(event_body{body_format::text, "New agenda"}, url))));
    CHECK_FALSE(update->location.has_value());
}

TEST_CASE("clearing the link clears the location that the agent filled, and the link in the body",
          "[unit][commands]")
{
    auto f = wanted();
    f.online_meeting_url = url;
    f.body = event_body{body_format::text, "Agenda"};
    const auto item = written(fields_for_create(f));
    protocol::event_changes set;
    set.online_meeting_url = std::optional<std::string>{};
    const auto update = fields_for_update(set, item);
    REQUIRE(update.has_value());
    CHECK(cleared(update->location));
    CHECK(update->location_filled == false);
    CHECK(update->body == std::optional(std::optional(*f.body)));
    CHECK(cleared(update->online_meeting_url));
}

TEST_CASE("clearing the link leaves a location that somebody chose", "[unit][commands]")
{
    auto f = wanted();
    f.online_meeting_url = url;
    auto item = written(fields_for_create(f));
    item.fields.location = "Room 4"; // changed in Outlook
    protocol::event_changes set;
    set.online_meeting_url = std::optional<std::string>{};
    CHECK(fields_for_update(set, item)->location == std::optional(std::optional(std::string("Room 4"))));
}

TEST_CASE("a changed start takes end and zone along", "[unit][commands]")
{
    auto f = wanted();
    f.time_zone = "Europe/Berlin";
    const auto item = written(fields_for_create(f));
    protocol::event_changes set;
    set.start = monday + 9h + 30min;
    const auto update = fields_for_update(set, item);
    REQUIRE(update.has_value());
    CHECK(update->start == monday + 9h + 30min);
    CHECK(update->end == f.end);
    CHECK(update->windows_zone == "W. Europe Standard Time");
}

TEST_CASE("a zone that no server knows is not sent back", "[unit][commands]")
{
    auto f = wanted();
    f.time_zone = "Europe/Berlin";
    auto item = written(fields_for_create(f));
    protocol::event_changes set;
    set.start = monday + 9h + 30min;
    for (const auto* of_item : {"Customized Time Zone", "tzone://Microsoft/Custom", "tzone://Microsoft/Utc",
                                "Mitteleuropäische Zeit", "(UTC+01:00) Amsterdam, Berlin", ""}) {
        CAPTURE(of_item);
        item.windows_zone = item.windows_end_zone = of_item;
        item.fields.time_zone = "Europe/Berlin";
        const auto noted = fields_for_update(set, item);
        CHECK(noted->windows_zone == "W. Europe Standard Time");
        CHECK_FALSE(noted->windows_end_zone);
        item.fields.time_zone.reset();
        CHECK(fields_for_update(set, item)->windows_zone == "UTC");
    }
    item.windows_zone = "Asia/Kathmandu"; // as other makers write
    CHECK(fields_for_update(set, item)->windows_zone == "Nepal Standard Time");
    item.windows_zone = item.windows_end_zone = "Tokyo Standard Time";
    CHECK(fields_for_update(set, item)->windows_zone == "Tokyo Standard Time");
    CHECK(fields_for_update(set, item)->windows_end_zone == "Tokyo Standard Time");
}

TEST_CASE("an update that would end an event before its start is refused", "[unit][commands]")
{
    const auto item = written(fields_for_create(wanted()));
    protocol::event_changes set;
    set.end = monday + 9h;
    const auto update = fields_for_update(set, item);
    REQUIRE(update.has_error());
    CHECK(update.error().code == protocol::fault_code::invalid_request);
    CHECK(update.error().message.starts_with("params.set.end"));
}

TEST_CASE("clearing optional fields falls back to their defaults", "[unit][commands]")
{
    const auto item = written(fields_for_create(wanted()));
    protocol::event_changes set;
    set.show_as = std::optional<protocol::show_as>{};
    set.attendees = std::optional<std::vector<protocol::attendee>>{};
    set.is_private = std::optional<bool>{};
    set.reminder_minutes = std::optional<int>{};
    const auto update = fields_for_update(set, item);
    CHECK(update->show_as == protocol::show_as::busy);
    CHECK(update->attendees == std::vector<protocol::attendee>{});
    CHECK(update->is_private == false);
    CHECK(cleared(update->reminder_minutes));
    CHECK_FALSE(update->subject.has_value());
}
