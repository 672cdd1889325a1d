// Every kind of request that the client can send, for the tests that look at all of them.
#pragma once

#include "agent/ews/requests.hpp"
#include "tests/unit/ews/samples.hpp"

namespace relay::test {

inline ews::item_fields full_fields()
{
    ews::item_fields f;
    f.subject = "Interview <1> & \"2\" \xf0\x9f\x93\x85";
    f.start = at("2026-03-29T00:30:00Z");
    f.end = at("2026-03-29T01:30:00.250Z");
    f.windows_zone = "W. Europe Standard Time";
    f.windows_end_zone = "Nepal Standard Time";
    f.body_note = "html 0123";
    f.body = protocol::event_body{protocol::body_format::html,
                                  "<p>Join: <a href=\"https://meet.example/x?a=1&b=2\">here</a>]]></p>\r\n"};
    f.location = "Raum 1\tlinks";
    f.attendees = {{mailbox("a@corp.example"), "Anna, \"A\"", protocol::attendee_role::required},
                   {mailbox("b@corp.example"), "", protocol::attendee_role::optional},
                   {mailbox("room1@corp.example"), "Room 1", protocol::attendee_role::resource},
                   {mailbox("c@corp.example"), "C", protocol::attendee_role::required}};
    f.show_as = protocol::show_as::oof;
    f.reminder_minutes = 15;
    f.is_private = true;
    f.categories = std::vector<std::string>{"Workestra", "A & B"};
    f.iana_zone = "Europe/Berlin";
    f.online_meeting_url = "https://meet.example/x?a=1&b=2";
    f.location_filled = false;
    return f;
}

inline ews::item_fields plain_fields()
{
    ews::item_fields f;
    f.subject = "";
    f.start = at("2026-01-05T09:00:00Z");
    f.end = at("2026-01-05T10:00:00Z");
    f.windows_zone = "UTC";
    return f;
}

// All optional things taken away.
inline ews::item_fields clearing_fields()
{
    ews::item_fields f;
    f.body = std::optional<protocol::event_body>{};
    f.location = std::optional<std::string>{};
    f.attendees = std::vector<protocol::attendee>{};
    f.reminder_minutes = std::optional<int>{};
    f.is_private = false;
    f.categories = std::vector<std::string>{};
    f.iana_zone = std::optional<std::string>{};
    f.online_meeting_url = std::optional<std::string>{};
    return f;
}

struct named_request {
    std::string what;
    std::string xml;
};

inline std::vector<named_request> all_requests()
{
    using namespace ews;
    const auto host = mailbox("organizer@corp.example");
    const item_ref ref{"AAMkAD=", "DwAAAB=="}, without_key{"AAMkAD=", ""};
    const std::vector<find_position> both{{item_location::live}, {item_location::deleted}},
        one{{item_location::deleted, 100}};
    const std::vector<find_position> others{{item_location::live, 0, "AAMkAF="},
                                            {item_location::deleted, 0, "AAMkAG="}};
    std::vector<mailbox_address> hundred;
    for (int i = 0; i < 100; ++i)
        hundred.push_back(mailbox(fmt::format("user{}@corp.example", i)));
    std::vector<named_request> all{
        {"resolve", write_resolve_names("smtp:svc@corp.example")},
        {"resolve as", write_resolve_names("smtp:a@corp.example", &host)},
        {"resolve nobody", write_resolve_names(resolvable_name(""))},
        {"calendar", write_open_folder(host, "calendar")},
        {"find", write_find(host, "ev-1", both)},
        {"find on", write_find(host, "ev-1", one)},
        {"find elsewhere", write_find(host, "ev-1", others)},
        {"usual folders", write_usual_folders(host)},
        {"folders", write_find_folders(host, 0)},
        {"folders on", write_find_folders(host, 500)},
        {"get", write_get(host, ref)},
        {"availability",
         write_availability(hundred, window_for(at("2026-01-05T00:00:00Z"), at("2026-02-16T00:00:00Z")))},
        {"availability of a moment",
         write_availability({&host, 1}, window_for(at("2026-01-05T00:00:00Z"), at("2026-01-05T00:00:01Z")))},
    };
    const std::vector<std::string> one_id{"JgBleGNo"};
    std::vector<std::string> item_ids(max_states, "AAMk=");
    all.push_back({"states of one", write_states(host, one_id)});
    all.push_back({"states", write_states(host, item_ids)});
    std::vector<std::string> many_ids;
    for (int i = 0; i < 200; ++i)
        many_ids.push_back(fmt::format("FgBleGNoMDEuY29ycC5leGFtcGxl{}<&>", i));
    all.push_back({"subscribe", write_subscribe(host)});
    all.push_back({"stream", write_streaming_events(host, one_id, std::chrono::minutes(1))});
    all.push_back({"stream of many", write_streaming_events(host, many_ids, max_stream_length)});
    all.push_back({"unsubscribe", write_unsubscribe(host, one_id.front())});
    const marks m{"ev-1", "c-01"};
    for (const auto notify : {protocol::notify::all, protocol::notify::changed, protocol::notify::none}) {
        const auto n = static_cast<int>(notify);
        all.push_back(
            {fmt::format("create full {}", n), write_create(host, full_fields(), m, "uid-1", notify)});
        all.push_back(
            {fmt::format("create plain {}", n), write_create(host, plain_fields(), m, "uid-1", notify)});
        all.push_back({fmt::format("create empty {}", n), write_create(host, {}, m, "", notify)});
        all.push_back(
            {fmt::format("create cleared {}", n), write_create(host, clearing_fields(), m, "u", notify)});
        all.push_back(
            {fmt::format("update full {}", n), write_update(host, ref, full_fields(), "c-02", notify)});
        all.push_back({fmt::format("update clearing {}", n),
                       write_update(host, ref, clearing_fields(), "c-02", notify)});
        all.push_back(
            {fmt::format("update mark only {}", n), write_update(host, without_key, {}, "c-02", notify)});
        all.push_back({fmt::format("remove {}", n), write_remove(host, ref, notify)});
        all.push_back({fmt::format("remove without key {}", n), write_remove(host, without_key, notify)});
    }
    for (const auto show : {protocol::show_as::free, protocol::show_as::busy, protocol::show_as::tentative,
                            protocol::show_as::oof, protocol::show_as::working_elsewhere}) {
        ews::item_fields f = plain_fields();
        f.show_as = show;
        f.body = protocol::event_body{protocol::body_format::text, ""};
        f.attendees = {{mailbox("room1@corp.example"), "", protocol::attendee_role::resource}};
        f.reminder_minutes = 0;
        all.push_back({fmt::format("create show_as {}", static_cast<int>(show)),
                       write_create(host, f, m, "u", protocol::notify::all)});
        all.push_back({fmt::format("update show_as {}", static_cast<int>(show)),
                       write_update(host, ref, f, "c", protocol::notify::all)});
    }
    // Each field on its own.
    const auto whole = full_fields();
    const std::vector<std::function<void(ews::item_fields&)>> singles{
        [&](auto& f) { f.subject = whole.subject; },
        [&](auto& f) { f.body = whole.body; },
        [&](auto& f) { f.location = whole.location; },
        [&](auto& f) { f.attendees = whole.attendees; },
        [&](auto& f) { f.show_as = whole.show_as; },
        [&](auto& f) { f.reminder_minutes = whole.reminder_minutes; },
        [&](auto& f) { f.is_private = true; },
        [&](auto& f) { f.categories = whole.categories; },
        [&](auto& f) { f.iana_zone = whole.iana_zone; },
        [&](auto& f) { f.online_meeting_url = whole.online_meeting_url; },
        [&](auto& f) { f.location_filled = true; },
        [&](auto& f) {
            f.start = whole.start;
            f.end = whole.end;
            f.windows_zone = whole.windows_zone;
        }};
    for (std::size_t i = 0; i < singles.size(); ++i) {
        ews::item_fields f;
        singles[i](f);
        all.push_back(
            {fmt::format("update field {}", i), write_update(host, ref, f, "c-02", protocol::notify::all)});
        all.push_back(
            {fmt::format("create field {}", i), write_create(host, f, m, "u", protocol::notify::all)});
    }
    // What nothing above lets through, but the writers must survive.
    ews::item_fields hostile = plain_fields();
    hostile.subject = std::string("a\0b\x01\xff\xfe\xed\xa0\x80z", 10);
    hostile.location = "\xef\xbf\xbe\x0b";
    hostile.body = protocol::event_body{protocol::body_format::html, "\x1b[0m\xc3"};
    all.push_back(
        {"create hostile", write_create(host, hostile, {"ev\x02", "c\x03"}, "u\x04", protocol::notify::all)});
    all.push_back({"update hostile", write_update(host, ref, hostile, "c\x03", protocol::notify::all)});
    all.push_back({"find hostile", write_find(host, "\"><x/>\x01", both)});
    all.push_back({"resolve hostile", write_resolve_names("\x01<x>&\"")});
    return all;
}

} // namespace relay::test
