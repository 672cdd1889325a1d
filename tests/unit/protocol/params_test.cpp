// What PROTOCOL.md says of the params that operations share: an event's fields, and their changes.
#include "agent/protocol/params.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::protocol;

namespace {

json::object object(std::string_view text)
{
    return json::parse(json::string_view(text.data(), text.size())).as_object();
}

// The params of a valid event with `more` fields in place of, or beside, the needed ones.
json::object create(std::string_view more)
{
    auto params =
        object(R"({"subject":"Review","start":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z"})");
    for (const auto& [name, value] : object(more))
        params[name] = value;
    return params;
}

event_fields taken(const json::object& params)
{
    findings found;
    params_reader reader(params, "params", found);
    auto fields = read_event_fields(reader, found);
    INFO((found.first() ? found.first()->message : ""));
    REQUIRE_FALSE(found.first().has_value());
    return fields;
}

std::string refused(const json::object& params)
{
    findings found;
    params_reader reader(params, "params", found);
    read_event_fields(reader, found);
    REQUIRE(found.first().has_value());
    CHECK(found.first()->code == fault_code::invalid_request);
    return found.first()->message;
}

json::value update(const std::string& set)
{
    return json::parse(set);
}

event_changes changes(const json::value& set)
{
    findings found;
    auto read = read_event_changes(set, "params.set", found);
    INFO((found.first() ? found.first()->message : ""));
    REQUIRE_FALSE(found.first().has_value());
    return read;
}

std::string refused_change(const json::value& set)
{
    findings found;
    read_event_changes(set, "params.set", found);
    REQUIRE(found.first().has_value());
    CHECK(found.first()->code == fault_code::invalid_request);
    return found.first()->message;
}

std::string times(std::size_t n, const std::string& text)
{
    std::string out;
    for (std::size_t i = 0; i < n; ++i)
        out += text;
    return out;
}

// `n` JSON texts with commas between them; # becomes a number.
std::string list(std::size_t n, const std::string& item)
{
    std::string out = "[";
    for (std::size_t i = 0; i < n; ++i) {
        auto one = item;
        if (const auto at = one.find('#'); at != one.npos)
            one.replace(at, 1, std::to_string(i));
        out += (i == 0 ? "" : ",") + one;
    }
    return out + "]";
}

} // namespace

TEST_CASE("what is wrong in an event is told with its place", "[unit][protocol]")
{
    CHECK(refused(create(R"({"subject":null})")) == "params.subject: is missing");
    CHECK(refused(create(R"({"subject":1})")) == "params.subject: must be a string");
    CHECK(refused(create(R"({"subject":"\u0001"})")) ==
          "params.subject: has a character that XML 1.0 cannot carry");
    CHECK(refused(create(R"({"subject":"\uffff"})")) ==
          "params.subject: has a character that XML 1.0 cannot carry");
    CHECK(refused(create(R"({"start":"2026-11-22"})")).starts_with("params.start: must be an RFC 3339 time"));
    CHECK(refused(create(R"({"start":"2026-11-22T10:00:00"})"))
              .starts_with("params.start: must be an RFC 3339 time"));
    CHECK(refused(create(R"({"end":1763805600})")).starts_with("params.end: must be an RFC 3339 time"));
    CHECK(refused(create(R"({"end":"2026-11-22T10:00:00Z"})")) == "params.end: must be after start");
    CHECK(refused(create(R"({"end":"2026-11-22T11:30:00+02:00"})")) == "params.end: must be after start");
    CHECK(refused(create(R"({"time_zone":"Mars/Olympus"})")) == "params.time_zone: is not an IANA time zone");
    CHECK(refused(create(R"({"time_zone":"W. Europe Standard Time"})")) ==
          "params.time_zone: is not an IANA time zone");
    CHECK(refused(create(R"({"time_zone":""})")) == "params.time_zone: is not an IANA time zone");
    CHECK(refused(create(R"({"body":"text"})")) == "params.body: must be an object with format and content");
    CHECK(refused(create(R"({"body":{"content":"x"}})")) == "params.body.format: is missing");
    CHECK(refused(create(R"({"body":{"format":"rtf","content":"x"}})")) ==
          "params.body.format: must be one of text, html");
    CHECK(refused(create(R"({"body":{"format":"text"}})")) == "params.body.content: is missing");
    CHECK(refused(create(R"({"online_meeting_url":"ftp://x"})")) ==
          "params.online_meeting_url: must be an http or https URL");
    CHECK(refused(create(R"({"attendees":{}})")) == "params.attendees: must be an array");
    CHECK(refused(create(R"({"attendees":["a@b"]})")) == "params.attendees[0]: must be an object with email");
    CHECK(refused(create(R"({"attendees":[{"email":"a@b.c"},{"email":"c@d.e"},{"email":"x"}]})")) ==
          "params.attendees[2].email: is not an SMTP address");
    CHECK(refused(create(R"({"attendees":[{"email":"vorst\u00e4nde@corp.example"}]})")) ==
          "params.attendees[0].email: must be in ASCII");
    CHECK(refused(create(R"({"attendees":[{"name":"x"}]})")) == "params.attendees[0].email: is missing");
    CHECK(refused(create(R"({"attendees":[{"email":"a@b.c","role":"chair"}]})")) ==
          "params.attendees[0].role: must be one of required, optional, resource");
    CHECK(refused(create(R"({"show_as":"away"})")).starts_with("params.show_as: must be one of free, busy"));
    CHECK(refused(create(R"({"reminder_minutes":-1})")).starts_with("params.reminder_minutes: "));
    CHECK(refused(create(R"({"reminder_minutes":40321})")).starts_with("params.reminder_minutes: "));
    CHECK(refused(create(R"({"reminder_minutes":1.5})")).starts_with("params.reminder_minutes: "));
    CHECK(refused(create(R"({"reminder_minutes":true})")).starts_with("params.reminder_minutes: "));
    CHECK(refused(create(R"({"private":"yes"})")) == "params.private: must be true or false");
    CHECK(refused(create(R"({"categories":[1]})")) == "params.categories[0]: must be a string");
    CHECK(refused(create(R"({"categories":[" "]})")) == "params.categories[0]: must not be empty");
}

TEST_CASE("limits count characters, not bytes, and the limit itself is allowed", "[unit][protocol]")
{
    const std::string umlaut = "\xc3\xa4";
    const auto with = [](const std::string& name, const std::string& text) {
        return create("{\"" + name + "\":\"" + text + "\"}");
    };
    CHECK(taken(with("subject", times(255, umlaut))).subject.size() == 510);
    CHECK(refused(with("subject", times(256, umlaut))) ==
          "params.subject: must be at most 255 characters long");
    CHECK(taken(with("location", times(255, umlaut))).location.has_value());
    CHECK(refused(with("location", times(256, "x"))) ==
          "params.location: must be at most 255 characters long");
    const std::string url = "https://x/";
    CHECK(taken(with("online_meeting_url", url + times(2048 - url.size(), "a")))
              .online_meeting_url.has_value());
    CHECK(refused(with("online_meeting_url", url + times(2049 - url.size(), "a")))
              .ends_with("2048 characters long"));
    CHECK(taken(create(R"({"reminder_minutes":40320})")).reminder_minutes == 40320);
    CHECK(taken(create(R"({"reminder_minutes":0})")).reminder_minutes == 0);
}

TEST_CASE("the body's limit is in bytes", "[unit][protocol]")
{
    const auto with = [](const std::string& text) {
        return create(R"({"body":{"format":"html","content":")" + text + "\"}}");
    };
    CHECK(taken(with(std::string(262'144, 'x'))).body->content.size() == 262'144);
    CHECK(refused(with(std::string(262'145, 'x'))) == "params.body.content: must be at most 256 KiB");
    CHECK(refused(with(times(131'073, "\xc3\xa4"))) == "params.body.content: must be at most 256 KiB");
}

TEST_CASE("lists end at their limits", "[unit][protocol]")
{
    const std::string person = R"({"email":"p#@corp.example"})";
    CHECK(taken(create(R"({"attendees":)" + list(500, person) + "}")).attendees.size() == 500);
    CHECK(refused(create(R"({"attendees":)" + list(501, person) + "}")) ==
          "params.attendees: must have at most 500 entries");
    CHECK(taken(create(R"({"categories":)" + list(25, R"("c#")") + "}")).categories.size() == 25);
    CHECK(refused(create(R"({"categories":)" + list(26, R"("c#")") + "}")) ==
          "params.categories: must have at most 25 entries");
}

TEST_CASE("an event is read with all its fields", "[unit][protocol]")
{
    const auto e = taken(create(
        R"({"start":"2026-11-22T12:00:00+02:00","time_zone":"Asia/Kolkata","body":{"format":"html","content":"<p>"},
            "location":"Room 1","online_meeting_url":"HTTPS://meet.example/a?b=1#c","show_as":"tentative","reminder_minutes":15.0,
            "attendees":[{"email":"A@corp.example","name":"Ann","role":"resource"},{"email":"b@corp.example","name":null}],
            "private":true,"categories":["red"],"notify":"none","future_field":{}})"));
    CHECK(e.subject == "Review");
    CHECK(e.start == utc_time(std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 10h));
    CHECK(e.time_zone == "Asia/Kolkata");
    CHECK(e.body == event_body{body_format::html, "<p>"});
    CHECK(e.location == "Room 1");
    CHECK(e.online_meeting_url == "HTTPS://meet.example/a?b=1#c");
    CHECK(e.show_as == show_as::tentative);
    CHECK(e.reminder_minutes == 15);
    REQUIRE(e.attendees.size() == 2);
    CHECK(e.attendees[0].email.str() == "A@corp.example");
    CHECK(e.attendees[0].name == "Ann");
    CHECK(e.attendees[0].role == attendee_role::resource);
    CHECK(e.attendees[1].role == attendee_role::required);
    CHECK(e.is_private);
    CHECK(e.categories == std::vector<std::string>{"red"});
}

TEST_CASE("what an event leaves out takes its default, and null is the same", "[unit][protocol]")
{
    const auto bare = taken(create("{}"));
    const auto nulls = taken(create(
        R"({"time_zone":null,"body":null,"location":null,"online_meeting_url":null,"attendees":null,"show_as":null,
            "reminder_minutes":null,"private":null,"categories":null,"notify":null})"));
    CHECK(bare == nulls);
    CHECK(bare.show_as == show_as::busy);
    CHECK_FALSE(bare.reminder_minutes.has_value());
    CHECK_FALSE(bare.is_private);
}

TEST_CASE("a person invited twice is invited once", "[unit][protocol]")
{
    const auto e = taken(create(
        R"({"attendees":[{"email":"a@corp.example","role":"optional"},{"email":"A@CORP.example"}],"categories":["x","x"]})"));
    REQUIRE(e.attendees.size() == 1);
    CHECK(e.attendees[0].role == attendee_role::optional);
    CHECK(e.categories.size() == 1);
}

TEST_CASE("a meeting URL holds nothing that would break out of HTML", "[unit][protocol]")
{
    for (const auto* url :
         {"https://", "https:///x", "https://x y", "https://x/\\\"", "https://x/<b>", "javascript:alert(1)",
          "//x", "https:x", "http//x", "https://x/\\n", "https://?q"})
        CHECK(refused(create(std::string(R"({"online_meeting_url":")") + url + "\"}"))
                  .starts_with("params.online_meeting_url: "));
}

TEST_CASE("an update tells absent, null and a value apart", "[unit][protocol]")
{
    const auto u =
        changes(update(R"({"location":null,"body":{"format":"text","content":""},"show_as":null})"));
    CHECK_FALSE(u.subject.has_value());
    REQUIRE(u.location.has_value());
    CHECK_FALSE(u.location->has_value());
    REQUIRE(u.body.has_value());
    CHECK(u.body->value().content.empty());
    REQUIRE(u.show_as.has_value());
    CHECK_FALSE(u.show_as->has_value());
    CHECK_FALSE(u.attendees.has_value());
}

TEST_CASE("an update needs something it can set", "[unit][protocol]")
{
    CHECK(refused_change(update("[]")) == "params.set: must be an object");
    CHECK(refused_change(update("{}")) == "params.set: must change at least one field");
    CHECK(refused_change(update(R"({"event_id":"x","notify":"all","unknown":1})")) ==
          "params.set: must change at least one field");
    CHECK(refused_change(update(R"({"subject":null})")) == "params.set.subject: cannot be cleared");
    CHECK(refused_change(update(R"({"start":null})")) == "params.set.start: cannot be cleared");
    CHECK(refused_change(update(R"({"end":null})")) == "params.set.end: cannot be cleared");
    CHECK(refused_change(update(R"({"start":"2026-11-22T10:00:00Z","end":"2026-11-22T09:00:00Z"})")) ==
          "params.set.end: must be after start");
    CHECK(refused_change(update(R"({"attendees":[{"email":1}]})")) ==
          "params.set.attendees[0].email: must be a string");
    CHECK(changes(update(R"({"start":"2026-11-22T10:00:00Z"})")).start.has_value());
}

TEST_CASE("everybody is told of a change unless it says otherwise", "[unit][protocol]")
{
    const auto told = [](std::string_view text, notify_words allowed) {
        const auto params = object(text);
        findings found;
        params_reader reader(params, "params", found);
        const auto who = read_notify(reader, allowed);
        return found.first() ? std::optional<notify>() : who;
    };
    using enum notify_words;
    for (const auto* text : {"{}", R"({"notify":null})", R"({"notify":"all"})"})
        CHECK(told(text, all_or_none) == notify::all);
    CHECK(told(R"({"notify":"none"})", all_or_none) == notify::none);
    CHECK_FALSE(told(R"({"notify":"changed"})", all_or_none).has_value());
    CHECK(told(R"({"notify":"changed"})", all_changed_or_none) == notify::changed);
}
