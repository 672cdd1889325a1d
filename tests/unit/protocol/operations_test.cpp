#include "agent/protocol/operations.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::protocol;

namespace {

command make(std::string op, std::string_view params, std::string mailbox = "host@corp.example")
{
    command c;
    c.id = "c-1";
    c.op = std::move(op);
    c.mailbox = std::move(mailbox);
    c.params = json::parse(json::string_view(params.data(), params.size())).as_object();
    return c;
}

std::string refused(const command& c)
{
    const auto op = parse_operation(c);
    REQUIRE_FALSE(op.has_value());
    CHECK(op.error().code == fault_code::invalid_request);
    return op.error().message;
}

template <class Operation>
Operation taken(const command& c)
{
    const auto op = parse_operation(c);
    INFO((op.has_value() ? "" : op.error().message));
    REQUIRE(op.has_value());
    return std::get<Operation>(*op);
}

// The params of a valid event.create with `more` fields in place of, or beside, the needed ones.
command create(std::string_view more)
{
    auto c = make(
        "event.create",
        R"({"event_id":"e-1","subject":"Review","start":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z"})");
    const auto fields = json::parse(json::string_view(more.data(), more.size()));
    for (const auto& [name, value] : fields.as_object())
        c.params[name] = value;
    return c;
}

command update(const std::string& set, const std::string& more = "")
{
    return make("event.update", R"({"event_id":"e-1","set":)" + set + more + "}");
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

TEST_CASE("an operation that this agent does not know is unsupported", "[unit][protocol]")
{
    for (const auto* op : {"event.move", "", "EVENT.CREATE", "Availability.watch"}) {
        const auto parsed = parse_operation(make(op, "{}"));
        REQUIRE_FALSE(parsed.has_value());
        CHECK(parsed.error().code == fault_code::unsupported_operation);
    }
    CHECK_FALSE(class_of("event.move").has_value());
}

TEST_CASE("writes and reads are told apart", "[unit][protocol]")
{
    CHECK(class_of("event.create") == operation_class::write);
    CHECK(class_of("event.update") == operation_class::write);
    CHECK(class_of("event.cancel") == operation_class::write);
    CHECK(class_of("event.get") == operation_class::read);
    CHECK(class_of("availability.watch") == operation_class::write);
    CHECK(class_of("availability.unwatch") == operation_class::write);
    CHECK(operations().size() == 10);
}

TEST_CASE("a mailbox is needed where the operation acts for one", "[unit][protocol]")
{
    for (const auto* op : {"mailbox.verify", "event.create", "event.update", "event.cancel", "event.get"}) {
        CHECK(refused(make(op, "{}", "")) == "mailbox: is missing");
        CHECK(refused(make(op, "{}", "nobody")) == "mailbox: is not an SMTP address");
    }
    CHECK(parse_operation(make("connection.test", "{}", "")).has_value());
    CHECK(parse_operation(make("agent.diagnose", "{}", "nobody")).has_value());
    CHECK(taken<mailbox_verify>(make("mailbox.verify", R"({"unknown":1})")).mailbox.str() ==
          "host@corp.example");
}

TEST_CASE("what is wrong in event.create is told with its place", "[unit][protocol]")
{
    CHECK(refused(make("event.create", "{}")) == "params.event_id: is missing");
    CHECK(refused(create(R"({"event_id":""})")).starts_with("params.event_id: "));
    CHECK(refused(create(R"({"event_id":"a b"})")).starts_with("params.event_id: "));
    CHECK(
        refused(create(R"({"event_id":")" + std::string(201, 'e') + "\"}")).starts_with("params.event_id: "));
    CHECK(refused(create(R"({"event_id":7})")).starts_with("params.event_id: "));
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
    CHECK(refused(create(R"({"notify":"changed"})")) == "params.notify: must be one of all, none");
}

TEST_CASE("limits count characters, not bytes, and the limit itself is allowed", "[unit][protocol]")
{
    const std::string umlaut = "\xc3\xa4";
    const auto with = [](const std::string& name, const std::string& text) {
        return create("{\"" + name + "\":\"" + text + "\"}");
    };
    CHECK(taken<event_create>(with("subject", times(255, umlaut))).fields.subject.size() == 510);
    CHECK(refused(with("subject", times(256, umlaut))) ==
          "params.subject: must be at most 255 characters long");
    CHECK(taken<event_create>(with("location", times(255, umlaut))).fields.location.has_value());
    CHECK(refused(with("location", times(256, "x"))) ==
          "params.location: must be at most 255 characters long");
    const std::string url = "https://x/";
    CHECK(parse_operation(with("online_meeting_url", url + times(2048 - url.size(), "a"))).has_value());
    CHECK(refused(with("online_meeting_url", url + times(2049 - url.size(), "a")))
              .ends_with("2048 characters long"));
    CHECK(parse_operation(create(R"({"reminder_minutes":40320})")).has_value());
    CHECK(parse_operation(create(R"({"reminder_minutes":0})")).has_value());
}

TEST_CASE("the body's limit is in bytes", "[unit][protocol]")
{
    const auto with = [](const std::string& text) {
        return create(R"({"body":{"format":"html","content":")" + text + "\"}}");
    };
    CHECK(taken<event_create>(with(std::string(262'144, 'x'))).fields.body->content.size() == 262'144);
    CHECK(refused(with(std::string(262'145, 'x'))) == "params.body.content: must be at most 256 KiB");
    CHECK(refused(with(times(131'073, "\xc3\xa4"))) == "params.body.content: must be at most 256 KiB");
}

TEST_CASE("lists end at their limits", "[unit][protocol]")
{
    const std::string person = R"({"email":"p#@corp.example"})";
    CHECK(taken<event_create>(create(R"({"attendees":)" + list(500, person) + "}")).fields.attendees.size() ==
          500);
    CHECK(refused(create(R"({"attendees":)" + list(501, person) + "}")) ==
          "params.attendees: must have at most 500 entries");
    CHECK(taken<event_create>(create(R"({"categories":)" + list(25, R"("c#")") + "}"))
              .fields.categories.size() == 25);
    CHECK(refused(create(R"({"categories":)" + list(26, R"("c#")") + "}")) ==
          "params.categories: must have at most 25 entries");
}

TEST_CASE("an event is read with all its fields", "[unit][protocol]")
{
    const auto e = taken<event_create>(create(
        R"({"start":"2026-11-22T12:00:00+02:00","time_zone":"Asia/Kolkata","body":{"format":"html","content":"<p>"},
            "location":"Room 1","online_meeting_url":"HTTPS://meet.example/a?b=1#c","show_as":"tentative","reminder_minutes":15.0,
            "attendees":[{"email":"A@corp.example","name":"Ann","role":"resource"},{"email":"b@corp.example","name":null}],
            "private":true,"categories":["red"],"notify":"none","future_field":{}})"));
    CHECK(e.event_id == "e-1");
    CHECK(e.fields.subject == "Review");
    CHECK(e.fields.start == utc_time(std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 10h));
    CHECK(e.fields.time_zone == "Asia/Kolkata");
    CHECK(e.fields.body == event_body{body_format::html, "<p>"});
    CHECK(e.fields.location == "Room 1");
    CHECK(e.fields.online_meeting_url == "HTTPS://meet.example/a?b=1#c");
    CHECK(e.fields.show_as == show_as::tentative);
    CHECK(e.fields.reminder_minutes == 15);
    REQUIRE(e.fields.attendees.size() == 2);
    CHECK(e.fields.attendees[0].email.str() == "A@corp.example");
    CHECK(e.fields.attendees[0].name == "Ann");
    CHECK(e.fields.attendees[0].role == attendee_role::resource);
    CHECK(e.fields.attendees[1].role == attendee_role::required);
    CHECK(e.fields.is_private);
    CHECK(e.fields.categories == std::vector<std::string>{"red"});
    CHECK(e.notify == notify::none);
}

TEST_CASE("what event.create leaves out takes its default, and null is the same", "[unit][protocol]")
{
    const auto bare = taken<event_create>(create("{}"));
    const auto nulls = taken<event_create>(create(
        R"({"time_zone":null,"body":null,"location":null,"online_meeting_url":null,"attendees":null,"show_as":null,
            "reminder_minutes":null,"private":null,"categories":null,"notify":null})"));
    CHECK(bare.fields == nulls.fields);
    CHECK(bare.fields.show_as == show_as::busy);
    CHECK_FALSE(bare.fields.reminder_minutes.has_value());
    CHECK_FALSE(bare.fields.is_private);
    CHECK(bare.notify == notify::all);
    CHECK(nulls.notify == notify::all);
}

TEST_CASE("a person invited twice is invited once", "[unit][protocol]")
{
    const auto e = taken<event_create>(create(
        R"({"attendees":[{"email":"a@corp.example","role":"optional"},{"email":"A@CORP.example"}],"categories":["x","x"]})"));
    REQUIRE(e.fields.attendees.size() == 1);
    CHECK(e.fields.attendees[0].role == attendee_role::optional);
    CHECK(e.fields.categories.size() == 1);
}

TEST_CASE("a meeting URL holds nothing that would break out of HTML", "[unit][protocol]")
{
    for (const auto* url :
         {"https://", "https:///x", "https://x y", "https://x/\\\"", "https://x/<b>", "javascript:alert(1)",
          "//x", "https:x", "http//x", "https://x/\\n", "https://?q"})
        CHECK(refused(create(std::string(R"({"online_meeting_url":")") + url + "\"}"))
                  .starts_with("params.online_meeting_url: "));
}

TEST_CASE("event.update tells absent, null and a value apart", "[unit][protocol]")
{
    const auto u = taken<event_update>(
        update(R"({"location":null,"body":{"format":"text","content":""},"show_as":null})",
               R"(,"notify":"changed")"));
    CHECK_FALSE(u.set.subject.has_value());
    REQUIRE(u.set.location.has_value());
    CHECK_FALSE(u.set.location->has_value());
    REQUIRE(u.set.body.has_value());
    CHECK(u.set.body->value().content.empty());
    REQUIRE(u.set.show_as.has_value());
    CHECK_FALSE(u.set.show_as->has_value());
    CHECK_FALSE(u.set.attendees.has_value());
    CHECK(u.notify == notify::changed);
}

TEST_CASE("event.update needs something it can set", "[unit][protocol]")
{
    CHECK(refused(make("event.update", R"({"event_id":"e"})")) == "params.set: is missing");
    CHECK(refused(update("[]")) == "params.set: must be an object");
    CHECK(refused(update("{}")) == "params.set: must change at least one field");
    CHECK(refused(update(R"({"event_id":"x","notify":"all","unknown":1})")) ==
          "params.set: must change at least one field");
    CHECK(refused(update(R"({"subject":null})")) == "params.set.subject: cannot be cleared");
    CHECK(refused(update(R"({"start":null})")) == "params.set.start: cannot be cleared");
    CHECK(refused(update(R"({"end":null})")) == "params.set.end: cannot be cleared");
    CHECK(refused(update(R"({"start":"2026-11-22T10:00:00Z","end":"2026-11-22T09:00:00Z"})")) ==
          "params.set.end: must be after start");
    CHECK(refused(update(R"({"attendees":[{"email":1}]})")) ==
          "params.set.attendees[0].email: must be a string");
    CHECK(refused(update(R"({"subject":"x"})", R"(,"notify":"some")")).starts_with("params.notify: "));
    CHECK(taken<event_update>(update(R"({"start":"2026-11-22T10:00:00Z"})")).set.start.has_value());
}

TEST_CASE("event.cancel and event.get name their event", "[unit][protocol]")
{
    CHECK(refused(make("event.cancel", "{}")) == "params.event_id: is missing");
    CHECK(refused(make("event.get", R"({"event_id":"a/b"})")).starts_with("params.event_id: "));
    CHECK(refused(make("event.cancel", R"({"event_id":"e","notify":"changed"})")) ==
          "params.notify: must be one of all, none");
    CHECK(taken<event_cancel>(make("event.cancel", R"({"event_id":"e","notify":"none"})")).notify ==
          notify::none);
    CHECK(taken<event_get>(make("event.get", R"({"event_id":")" + std::string(200, 'e') + "\"}"))
              .event_id.size() == 200);
}

TEST_CASE("availability.get is read in the order asked", "[unit][protocol]")
{
    const auto get = [](const std::string& mailboxes, const std::string& start = "2026-11-22T00:00:00Z",
                        const std::string& end = "2026-11-29T00:00:00Z") {
        return make("availability.get",
                    R"({"mailboxes":)" + mailboxes + R"(,"start":")" + start + R"(","end":")" + end + "\"}",
                    "");
    };
    CHECK(refused(make("availability.get", "{}")) == "params.mailboxes: is missing");
    CHECK(refused(get("[]")) == "params.mailboxes: must have at least one entry");
    CHECK(refused(get(R"(["a@b.c","x"])")) == "params.mailboxes[1]: is not an SMTP address");
    CHECK(refused(get(list(1001, R"("u#@corp.example")"))) ==
          "params.mailboxes: must have at most 1000 entries");
    CHECK(refused(get(R"(["a@b.c"])", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z")) ==
          "params.end: must be after start");
    CHECK(refused(get(R"(["a@b.c"])", "1700-01-01T00:00:00Z", "2026-11-22T00:00:00Z"))
              .starts_with("params.end: must be at most"));
    const auto a = taken<availability_get>(get(R"(["b@corp.example","a@corp.example","B@corp.example"])"));
    REQUIRE(a.mailboxes.size() == 3);
    CHECK(a.mailboxes[2].str() == "B@corp.example");
    CHECK(taken<availability_get>(get(list(1000, R"("u#@corp.example")"))).mailboxes.size() == 1000);
}

TEST_CASE("availability.watch is read with its defaults and limits", "[unit][protocol]")
{
    const auto watch = [](const std::string& mailboxes, const std::string& more = "") {
        return make("availability.watch", R"({"watch_id":"w-1","mailboxes":)" + mailboxes + more + "}", "");
    };
    CHECK(refused(make("availability.watch", "{}", "")) == "params.watch_id: is missing");
    CHECK(refused(make("availability.watch", R"({"watch_id":"w 1"})", "")).starts_with("params.watch_id: "));
    CHECK(refused(make("availability.watch", R"({"watch_id":"w"})", "")) == "params.mailboxes: is missing");
    CHECK(refused(watch("[]")) == "params.mailboxes: must have at least one entry");
    CHECK(refused(watch(list(5001, R"("u#@corp.example")"))) ==
          "params.mailboxes: must have at most 5000 entries");
    for (const auto* days : {"0", "181", "1.5", R"("60")"})
        CHECK(refused(watch(R"(["a@b.c"])", std::string(R"(,"horizon_days":)") + days)) ==
              "params.horizon_days: must be a whole number from 1 to 180");
    for (const auto* seconds : {"29", "86401", "true"})
        CHECK(refused(watch(R"(["a@b.c"])", std::string(R"(,"interval_s":)") + seconds)) ==
              "params.interval_s: must be a whole number from 30 to 86400");

    const auto usual = taken<availability_watch>(watch(R"(["B@corp.example","a@b.c","b@Corp.Example"])"));
    CHECK(usual.watch_id == "w-1");
    REQUIRE(usual.mailboxes.size() == 2); // addresses are compared without case
    CHECK(usual.mailboxes[0].str() == "B@corp.example");
    CHECK(usual.horizon == std::chrono::days(60));
    CHECK(usual.interval == std::chrono::seconds(300));
    const auto other =
        taken<availability_watch>(watch(list(5000, R"("u#@c.d")"), R"(,"horizon_days":180,"interval_s":30)"));
    CHECK(other.mailboxes.size() == 5000);
    CHECK(other.horizon == std::chrono::days(180));
    CHECK(other.interval == std::chrono::seconds(30));

    CHECK(refused(make("availability.unwatch", "{}", "")) == "params.watch_id: is missing");
    CHECK(taken<availability_unwatch>(make("availability.unwatch", R"({"watch_id":"w-1"})", "")).watch_id ==
          "w-1");
}

TEST_CASE("commands for one watch run one after the other, beside those for events", "[unit][protocol]")
{
    const auto lane = [](const command& c) { return lane_of(*parse_operation(c)); };
    CHECK(lane(make("availability.watch", R"({"watch_id":"w-1","mailboxes":["a@b.c"]})", "")) == "watch:w-1");
    CHECK(lane(make("availability.unwatch", R"({"watch_id":"w-1"})", "")) == "watch:w-1");
}

TEST_CASE("commands for one event share a lane whatever the mailbox's case", "[unit][protocol]")
{
    const auto lane = [](const command& c) { return lane_of(*parse_operation(c)); };
    CHECK(lane(make("event.get", R"({"event_id":"E-1"})", "Host@Corp.example")) == "host@corp.example/E-1");
    CHECK(lane(make("event.cancel", R"({"event_id":"E-1"})")) == "host@corp.example/E-1");
    CHECK(lane(make("event.cancel", R"({"event_id":"e-1"})")) == "host@corp.example/e-1");
    CHECK(lane(make("mailbox.verify", "{}")).empty());
    CHECK(lane(make("connection.test", "{}")).empty());
}

TEST_CASE("a fingerprint tells other content, not other spelling", "[unit][protocol]")
{
    const auto print = [](const std::string& params, std::string mailbox = "a@b.c",
                          std::string op = "event.create") {
        return fingerprint(make(std::move(op), params, std::move(mailbox)));
    };
    CHECK(print(R"({"a":1,"b":{"x":[1,2],"y":null}})").size() == 64);
    CHECK(print(R"({"a":1,"b":{"x":[1,2],"y":null}})") == print(R"( {"b":{"y":null,"x":[1,2.0]},"a":1} )"));
    CHECK(print("{}", "A@b.c") == print("{}", "a@B.c"));
    CHECK(print(R"({"a":1})") != print(R"({"a":2})"));
    CHECK(print(R"({"a":[1,2]})") != print(R"({"a":[2,1]})"));
    CHECK(print(R"({"a":[]})") != print(R"({"a":{}})"));
    CHECK(print(R"({"a":"1"})") != print(R"({"a":1})"));
    CHECK(print("{}", "a@b.c", "event.get") != print("{}", "a@b.c", "event.cancel"));
    auto redelivered = make("event.create", "{}", "a@b.c");
    redelivered.redelivered = true;
    redelivered.ttl = 5ms;
    CHECK(fingerprint(redelivered) == print("{}"));
}
