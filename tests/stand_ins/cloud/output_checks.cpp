#include "tests/stand_ins/cloud/output_checks.hpp"

#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "tests/stand_ins/cloud/frame_checks.hpp"

#include <set>

namespace relay::cloud_sim {
namespace {

// The string param `name`, empty where there is none.
std::string_view asked(const json::object& params, std::string_view name)
{
    const auto* value = params.if_contains(name);
    const auto* text = value ? value->if_string() : nullptr;
    return text ? std::string_view(*text) : std::string_view{};
}

std::optional<std::int64_t> asked_time(const json::object& params, std::string_view name)
{
    const auto time = parse_rfc3339(asked(params, name));
    return time ? std::optional(std::int64_t{time->time_since_epoch().count()}) : std::nullopt;
}

const json::array* asked_mailboxes(const json::object& params)
{
    const auto* value = params.if_contains("mailboxes");
    return value ? value->if_array() : nullptr;
}

void same(shape& fields, std::string_view name, std::string_view wanted)
{
    if (const auto value = fields.filled(name); value && *value != wanted)
        fields.fail(name, "is not the one of the command");
}

void check_connection(shape fields)
{
    if (const auto* server = fields.object("server")) {
        auto inner = fields.inside(*server, "server");
        inner.filled("version");
        inner.filled("product");
    }
    if (const auto* account = fields.object("account")) {
        auto inner = fields.inside(*account, "account");
        inner.filled("name");
        inner.filled("email");
    }
    fields.number("latency_ms", 0);
}

void check_availability(shape fields, const json::object& params)
{
    const auto* wanted = asked_mailboxes(params);
    const auto* mailboxes = fields.array("mailboxes");
    if (!mailboxes)
        return;
    if (wanted && wanted->size() != mailboxes->size())
        fields.fail("mailboxes", "has not one entry for each mailbox asked for");
    const auto from = asked_time(params, "start"), to = asked_time(params, "end");
    for (std::size_t i = 0; i < mailboxes->size(); ++i) {
        const auto* entry = (*mailboxes)[i].if_object();
        if (!entry) {
            fields.fail("mailboxes", "holds something that is no object");
            continue;
        }
        auto inner = fields.inside(*entry, "mailboxes[]");
        const auto name = inner.filled("mailbox");
        const auto* order = wanted && i < wanted->size() ? (*wanted)[i].if_string() : nullptr;
        if (name && order && !ascii_iequals(*name, std::string_view(*order)))
            fields.fail("mailboxes", "is not in the order asked");
        const auto ok = inner.boolean("ok");
        if (!ok)
            continue;
        if (*ok) {
            inner.absent("error", "has no place beside ok");
            if (const auto* busy = inner.array("busy"))
                check_busy(*busy, inner, from, to);
        } else {
            inner.absent("busy", "has no place beside an error");
            if (const auto* error = inner.object("error"))
                check_error(inner.inside(*error, "error"));
        }
    }
}

void check_stored_item(shape fields, const json::object& params)
{
    same(fields, "event_id", asked(params, "event_id"));
    fields.filled("item_id");
    fields.filled("change_key");
    fields.filled("uid");
}

void check_attendees(shape fields, const json::array& attendees)
{
    static const std::set<std::string_view> roles{"required", "optional", "resource"};
    for (const auto& entry : attendees) {
        const auto* attendee = entry.if_object();
        if (!attendee) {
            fields.fail("attendees", "holds something that is no object");
            continue;
        }
        auto inner = fields.inside(*attendee, "attendees[]");
        inner.filled("email");
        inner.optional_text("name");
        if (const auto role = inner.text("role"); role && !roles.contains(*role))
            inner.fail("role", std::string(*role) + " is not in the list");
    }
}

void check_event_fields(shape fields, const json::object& params)
{
    static const std::set<std::string_view> show_as{"busy", "free", "tentative", "oof", "working_elsewhere"};
    same(fields, "event_id", asked(params, "event_id"));
    fields.text("subject");
    fields.utc("start");
    fields.utc("end");
    for (const auto* name : {"time_zone", "location", "online_meeting_url"})
        fields.optional_text(name);
    if (fields.has("body"))
        if (const auto* body = fields.object("body")) {
            auto inner = fields.inside(*body, "body");
            if (const auto format = inner.text("format"); format && *format != "text" && *format != "html")
                inner.fail("format", "is neither text nor html");
            inner.text("content");
        }
    if (fields.has("attendees"))
        if (const auto* attendees = fields.array("attendees"))
            check_attendees(fields, *attendees);
    if (const auto word = fields.optional_text("show_as"); word && !show_as.contains(*word))
        fields.fail("show_as", std::string(*word) + " is not in the list");
    if (fields.has("reminder_minutes"))
        fields.number("reminder_minutes", 0);
    if (fields.has("private"))
        fields.boolean("private");
    if (fields.has("categories"))
        fields.array("categories");
    if (const auto* responses = fields.array("responses"))
        check_responses(*responses, fields);
}

void check_watch(shape fields, const json::object& params)
{
    same(fields, "watch_id", asked(params, "watch_id"));
    const auto count = fields.number("mailboxes", 1);
    const auto* wanted = asked_mailboxes(params);
    if (count && wanted && static_cast<std::size_t>(*count) > wanted->size())
        fields.fail("mailboxes", "counts more than were asked for");
}

void check_diagnosis(shape fields)
{
    fields.boolean("ok");
    const auto* checks = fields.array("checks");
    if (!checks)
        return;
    for (const auto& entry : *checks) {
        const auto* check = entry.if_object();
        if (!check) {
            fields.fail("checks", "holds something that is no object");
            continue;
        }
        auto inner = fields.inside(*check, "checks[]");
        inner.filled("name");
        inner.boolean("ok");
        inner.text("message");
        inner.text("advice");
    }
}

} // namespace

void check_output(std::string_view op, std::string_view mailbox, const json::object& params,
                  const json::object& output, findings& found)
{
    shape fields(output, "output", std::string(op) + " output: ", found);
    if (op == "connection.test")
        check_connection(fields);
    else if (op == "mailbox.verify") {
        if (const auto name = fields.filled("mailbox"); name && !ascii_iequals(*name, mailbox))
            fields.fail("mailbox", "is not the one of the command");
        fields.text("display_name");
    } else if (op == "availability.get")
        check_availability(fields, params);
    else if (op == "event.create" || op == "event.update")
        check_stored_item(fields, params);
    else if (op == "event.cancel") {
        same(fields, "event_id", asked(params, "event_id"));
        fields.boolean("existed");
    } else if (op == "event.get")
        check_event_fields(fields, params);
    else if (op == "availability.watch")
        check_watch(fields, params);
    else if (op == "availability.unwatch")
        fields.boolean("existed");
    else if (op == "agent.diagnose")
        check_diagnosis(fields);
}

} // namespace relay::cloud_sim
