#include "tests/stand_ins/cloud/frame_checks.hpp"

#include "tests/stand_ins/cloud/vocabulary.hpp"

#include <map>
#include <set>

namespace relay::cloud_sim {
namespace {

bool is_uuid(std::string_view text)
{
    if (text.size() != 36)
        return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = text[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return true;
}

void check_operations(const json::array& operations, shape hello)
{
    std::set<std::string_view> seen;
    for (const auto& entry : operations) {
        const auto* name = entry.if_string();
        if (!name)
            hello.fail("operations", "holds something that is no string");
        else if (class_of(*name) == op_class::unknown)
            hello.fail("operations", "names " + std::string(*name) + ", which PROTOCOL.md does not");
        else if (!seen.insert(*name).second)
            hello.fail("operations", "names " + std::string(*name) + " twice");
    }
}

} // namespace

void check_hello(const json::object& frame, std::string_view certificate_name, findings& found)
{
    shape hello(frame, "hello", "", found);
    if (const auto protocol = hello.number("protocol", 1); protocol && *protocol != 1)
        hello.fail("protocol", "is not 1");
    if (const auto* agent = hello.object("agent")) {
        auto fields = hello.inside(*agent, "agent");
        const auto id = fields.filled("id");
        if (id && *id != certificate_name)
            fields.fail("id", "is not the common name of the client certificate");
        for (const auto* name : {"name", "version", "os", "host"})
            fields.filled(name);
    }
    if (const auto* store = hello.object("store")) {
        auto fields = hello.inside(*store, "store");
        if (const auto id = fields.text("id"); id && !is_uuid(*id))
            fields.fail("id", "is no uuid");
        const auto next = fields.number("next_seq", 1);
        const auto unacked = fields.number("unacked", 0);
        if (next && unacked && *unacked >= *next)
            fields.fail("unacked", "counts more messages than the store ever numbered");
    }
    if (const auto* operations = hello.array("operations"))
        check_operations(*operations, hello);
    hello.number("window", 1);
}

void check_accepted(const json::object& frame, findings& found)
{
    shape(frame, "accepted", "", found).id("id", longest_command_id);
}

void check_error(shape error)
{
    const auto code = error.filled("code");
    error.filled("message");
    const auto again = error.boolean("retryable");
    const auto exchange = error.optional_text("exchange");
    if (!code)
        return;
    const auto expected = retryable(*code);
    if (!expected)
        error.fail("code", std::string(*code) + " is not in the table of error codes");
    else if (again && *again != *expected)
        error.fail("retryable", "is not what the table says for " + std::string(*code));
    if (*code == "exchange_error" && (!exchange || exchange->empty()))
        error.fail("exchange", "has no ResponseCode, which exchange_error carries");
}

void check_result(const json::object& frame, findings& found)
{
    shape result(frame, "result", "", found);
    result.id("id", longest_command_id);
    if (result.has("seq"))
        result.number("seq", 1);
    const auto attempts = result.number("attempts", 0);
    result.number("took_ms", 0);
    const auto ok = result.boolean("ok");
    if (!ok)
        return;
    if (*ok) {
        result.object("output");
        result.absent("error", "has no place in an ok result");
        return;
    }
    result.absent("output", "has no place in a failed result");
    const auto* error = result.object("error");
    if (!error)
        return;
    check_error(result.inside(*error, "error"));
    const auto* code = error->if_contains("code");
    if (code && *code == "cancelled" && attempts.value_or(0) > 0)
        result.fail("attempts", "is not 0, but only a command not yet begun can be cancelled");
}

void check_busy(const json::array& busy, shape owner, std::optional<std::int64_t> from,
                std::optional<std::int64_t> to)
{
    static const std::set<std::string_view> statuses{"busy", "tentative", "oof", "working_elsewhere",
                                                     "no_data"};
    std::int64_t last_start = INT64_MIN;
    std::map<std::string_view, std::int64_t> last_end; // by status
    for (const auto& entry : busy) {
        const auto* period = entry.if_object();
        if (!period) {
            owner.fail("busy", "holds something that is no object");
            continue;
        }
        auto fields = owner.inside(*period, "busy[]");
        const auto start = fields.utc("start");
        const auto end = fields.utc("end");
        const auto status = fields.text("status");
        if (status && !statuses.contains(*status))
            fields.fail("status", std::string(*status) + " is not in the list");
        if (!start || !end || !status)
            continue;
        if (*end <= *start)
            fields.fail("end", "is not after start");
        if ((from && *start < *from) || (to && *end > *to))
            fields.fail("start", "or end is outside the window");
        if (*start < last_start)
            owner.fail("busy", "is not sorted by start");
        last_start = *start;
        const auto before = last_end.find(*status);
        if (before != last_end.end() && *start <= before->second)
            owner.fail("busy", "has touching or overlapping periods of status " + std::string(*status));
        last_end[*status] = std::max(before == last_end.end() ? *end : before->second, *end);
    }
}

void check_responses(const json::array& responses, shape owner)
{
    static const std::set<std::string_view> words{"accepted", "tentative", "declined", "none"};
    for (const auto& entry : responses) {
        const auto* response = entry.if_object();
        if (!response) {
            owner.fail("responses", "holds something that is no object");
            continue;
        }
        auto fields = owner.inside(*response, "responses[]");
        fields.filled("email");
        if (const auto word = fields.text("response"); word && !words.contains(*word))
            fields.fail("response", std::string(*word) + " is not in the list");
    }
}

void check_event(const json::object& frame, findings& found)
{
    shape event(frame, "event", "", found);
    event.number("seq", 1);
    const auto name = event.text("event");
    const auto* data = event.object("data");
    if (!name || !data)
        return;
    auto fields = event.inside(*data, "data");
    fields.filled("mailbox");
    if (*name == "availability.changed") {
        fields.id("watch_id", longest_event_id);
        const auto from = fields.utc("as_of");
        if (fields.has("busy") == fields.has("error"))
            fields.fail("busy", "or error is needed, and only one of them");
        else if (!fields.has("busy")) {
            if (const auto* error = fields.object("error"))
                check_error(fields.inside(*error, "error"));
        } else if (const auto* busy = fields.array("busy")) {
            check_busy(*busy, fields, from, std::nullopt);
        }
    } else if (*name == "event.changed") {
        fields.id("event_id", longest_event_id);
        const auto change = fields.text("change");
        if (change && *change != "moved" && *change != "deleted" && *change != "responded")
            fields.fail("change", std::string(*change) + " is not in the list");
        // Of a deleted item nothing may be left to tell.
        const bool gone = change && *change == "deleted";
        if (!gone || fields.has("start"))
            fields.utc("start");
        if (!gone || fields.has("end"))
            fields.utc("end");
        if (!gone || fields.has("responses"))
            if (const auto* responses = fields.array("responses"))
                check_responses(*responses, fields);
    } else {
        event.fail("event", std::string(*name) + " is not in PROTOCOL.md");
    }
}

void check_problem(const json::object& frame, findings& found)
{
    shape problem(frame, "problem", "", found);
    const auto code = problem.text("code");
    if (code && *code != "invalid_message" && *code != "id_reused")
        problem.fail("code", std::string(*code) + " is not in the list");
    problem.filled("message");
    problem.optional_text("id");
}

void check_goodbye(const json::object& frame, findings& found)
{
    shape(frame, "goodbye", "", found).filled("reason");
}

} // namespace relay::cloud_sim
