#include "agent/support/queue_texts.hpp"

#include "common/log/line_formatter.hpp"
#include "common/time/rfc3339.hpp"

#include <fmt/format.h>

#include <iterator>

namespace relay::support {
namespace {

namespace json = boost::json;
using store::queue_entry;

json::value text_or_null(const std::string& text)
{
    return text.empty() ? json::value() : json::value(text);
}

json::value time_or_null(const std::optional<utc_time>& t)
{
    return t ? json::value(format_rfc3339(*t)) : json::value();
}

std::string to_the_second(utc_time t)
{
    return format_rfc3339(std::chrono::floor<std::chrono::seconds>(t));
}

bool ended(const queue_entry& e)
{
    return e.finished_at.has_value();
}

} // namespace

json::object to_json(const queue_entry& e)
{
    return {{"id", e.id},
            {"op", e.op},
            {"mailbox", e.mailbox},
            {"state", name(e.state)},
            {"received_at", format_rfc3339(e.received_at)},
            {"attempts", e.attempts},
            {"last_error", text_or_null(e.last_error)}};
}

json::object to_full_json(const queue_entry& e)
{
    auto o = to_json(e);
    o["event_id"] = text_or_null(e.event_id);
    o["expires_at"] = format_rfc3339(e.received_at + e.ttl);
    o["redelivered"] = e.redelivered;
    o["begun_at"] = time_or_null(e.begun_at);
    o["finished_at"] = time_or_null(e.finished_at);
    o["seq"] = e.seq ? json::value(*e.seq) : json::value();
    o["exchange"] = text_or_null(e.exchange);
    o["took_ms"] = e.took ? json::value(e.took->count()) : json::value();
    return o;
}

std::string plain_text(const queue_entry& e)
{
    std::string out;
    const auto line = [&](std::string_view what, const std::string& value) {
        // Ids come from the cloud: none of them steers the terminal.
        fmt::format_to(std::back_inserter(out), "{:<13}{}\n", what, printable(value));
    };
    line("command", e.id);
    line("operation", e.op);
    line("mailbox", e.mailbox.empty() ? "-" : e.mailbox);
    if (!e.event_id.empty())
        line("event", e.event_id);
    line("state", std::string(name(e.state)));
    line("received at", format_rfc3339(e.received_at));
    if (!ended(e))
        line("until", format_rfc3339(e.received_at + e.ttl));
    if (e.redelivered)
        line("redelivered", "yes: another agent may have had it before");
    line("attempts", std::to_string(e.attempts));
    if (e.begun_at)
        line("begun at", format_rfc3339(*e.begun_at));
    if (ended(e)) {
        line("finished at", format_rfc3339(*e.finished_at));
        line("outcome", e.last_error.empty() ? "ok" : e.last_error);
        if (!e.exchange.empty())
            line("exchange", e.exchange);
        if (e.took)
            line("took", fmt::format("{} ms", e.took->count()));
        if (e.seq)
            line("seq", std::to_string(*e.seq));
    } else if (!e.last_error.empty()) {
        line("last error", e.last_error);
    }
    return out;
}

std::string table_head()
{
    return fmt::format("{:<20}  {:<12}  {:>8}  {:<22}  {:<28}  {:<21}  {}\n", "RECEIVED", "STATE", "ATTEMPTS",
                       "OPERATION", "MAILBOX", "LAST ERROR", "ID");
}

std::string table_line(const queue_entry& e)
{
    return fmt::format("{:<20}  {:<12}  {:>8}  {:<22}  {:<28}  {:<21}  {}\n", to_the_second(e.received_at),
                       name(e.state), e.attempts, printable(e.op),
                       e.mailbox.empty() ? "-" : printable(e.mailbox),
                       e.last_error.empty() ? "-" : printable(e.last_error), printable(e.id));
}

std::string why_unreadable(error_code ec, const std::filesystem::path& folder, std::string_view problem)
{
    const auto where = folder.string();
    if (ec == errc::not_found)
        return fmt::format(
            "there is no queue in {} (agent.data_dir): no agent has run on it yet, or --config "
            "names another configuration",
            where);
    if (ec == errc::store_newer)
        return fmt::format("the queue in {} was written by a newer version of the agent; use that version",
                           where);
    if (ec == errc::store_corrupt)
        return fmt::format(
            "the queue in {} is damaged ({}); the agent sets it aside at its next start, see its log", where,
            problem);
    return fmt::format("the queue in {} cannot be read: {}{}; run this as root or as the user that the agent "
                       "runs as",
                       where, ec.message(), problem.empty() ? "" : fmt::format(" ({})", problem));
}

} // namespace relay::support
