#include "agent/commands/outputs.hpp"

#include "agent/exchange_access/answer_lists.hpp"
#include "agent/protocol/codec.hpp"
#include "common/time/rfc3339.hpp"

#include <boost/json/value.hpp>

namespace relay::commands {
namespace {

std::string_view name(protocol::show_as s)
{
    switch (s) {
    case protocol::show_as::free:
        return "free";
    case protocol::show_as::busy:
        return "busy";
    case protocol::show_as::tentative:
        return "tentative";
    case protocol::show_as::oof:
        return "oof";
    case protocol::show_as::working_elsewhere:
        return "working_elsewhere";
    }
    return "busy";
}

std::string_view name(protocol::attendee_role r)
{
    switch (r) {
    case protocol::attendee_role::required:
        return "required";
    case protocol::attendee_role::optional:
        return "optional";
    case protocol::attendee_role::resource:
        return "resource";
    }
    return "required";
}

json::array attendees(const std::vector<protocol::attendee>& people)
{
    json::array list;
    for (const auto& a : people) {
        json::object entry{{"email", a.email.str()}, {"role", name(a.role)}};
        if (!a.name.empty())
            entry["name"] = a.name;
        list.push_back(std::move(entry));
    }
    return list;
}

} // namespace

json::object output_of_connection_test(const ews::server_info& server, milliseconds latency)
{
    return {{"server", {{"version", server.version}, {"product", server.product}}},
            {"account", {{"name", server.account_name}, {"email", server.account_email}}},
            {"latency_ms", latency.count()}};
}

json::object output_of_mailbox_verify(const mailbox_address& mailbox, const ews::mailbox_info& info)
{
    return {{"mailbox", mailbox.str()}, {"display_name", info.display_name}};
}

json::object output_of_availability(const std::vector<mailbox_address>& mailboxes,
                                    const std::vector<ews::mailbox_busy>& busy)
{
    json::array list;
    list.reserve(mailboxes.size());
    for (std::size_t i = 0; i < mailboxes.size(); ++i) {
        json::object entry{{"mailbox", mailboxes[i].str()}, {"ok", busy[i].has_value()}};
        if (busy[i].has_value())
            entry["busy"] = exchange_access::busy_list(*busy[i]);
        else
            entry["error"] = protocol::to_json(busy[i].error());
        list.push_back(std::move(entry));
    }
    return {{"mailboxes", std::move(list)}};
}

json::object output_of_watch(const protocol::availability_watch& op)
{
    return {{"watch_id", op.watch_id}, {"mailboxes", op.mailboxes.size()}};
}

json::object output_of_unwatch(bool existed)
{
    return {{"existed", existed}};
}

json::object output_of_write(const std::string& event_id, const ews::item_ref& ref, const std::string& uid)
{
    return {{"event_id", event_id}, {"item_id", ref.id}, {"change_key", ref.change_key}, {"uid", uid}};
}

json::object output_of_cancel(const std::string& event_id, bool existed)
{
    return {{"event_id", event_id}, {"existed", existed}};
}

json::object warning_of(const protocol::fault& answered)
{
    return {{"code", protocol::name(answered.code)},
            {"message", answered.message},
            {"exchange", answered.exchange}};
}

json::object output_of_get(const std::string& event_id, const protocol::event_fields& f,
                           const std::vector<ews::attendee_answer>& answers)
{
    json::object out{{"event_id", event_id},
                     {"subject", f.subject},
                     {"start", format_rfc3339(f.start)},
                     {"end", format_rfc3339(f.end)}};
    if (f.time_zone)
        out["time_zone"] = *f.time_zone;
    if (f.body)
        out["body"] = {{"format", f.body->format == protocol::body_format::html ? "html" : "text"},
                       {"content", f.body->content}};
    if (f.location)
        out["location"] = *f.location;
    if (f.online_meeting_url)
        out["online_meeting_url"] = *f.online_meeting_url;
    out["attendees"] = attendees(f.attendees);
    out["show_as"] = name(f.show_as);
    if (f.reminder_minutes)
        out["reminder_minutes"] = *f.reminder_minutes;
    out["private"] = f.is_private;
    out["categories"] = json::array(f.categories.begin(), f.categories.end());
    out["responses"] = exchange_access::response_list(answers);
    return out;
}

} // namespace relay::commands
