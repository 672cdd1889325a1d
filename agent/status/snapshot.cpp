#include "agent/status/snapshot.hpp"

#include "common/text/repair.hpp"
#include "common/time/rfc3339.hpp"

namespace relay::status {
namespace {

namespace json = boost::json;

// JSON is UTF-8, whatever the names of machines and the texts of other libraries are.
json::value text_or_null(const std::string& text)
{
    return text.empty() ? json::value(nullptr) : json::value(to_utf8(text));
}

json::object queue_json(const std::optional<snapshot::queue_part>& q)
{
    if (!q)
        return {
            {"commands", nullptr}, {"results_unacked", nullptr}, {"oldest_s", nullptr}, {"bytes", nullptr}};
    return {{"commands", q->commands},
            {"results_unacked", q->results_unacked},
            {"oldest_s", q->oldest ? json::value(q->oldest->count()) : json::value(nullptr)},
            {"bytes", q->bytes},
            {"damaged_files", q->damaged_files}};
}

// ---- reading: what is absent or of another type leaves the target alone ----

const json::object& part(const json::object& all, std::string_view name)
{
    static const json::object none;
    const auto* found = all.if_contains(name);
    return found && found->is_object() ? found->get_object() : none;
}

void read(const json::object& o, std::string_view name, std::string& to)
{
    if (const auto* v = o.if_contains(name); v && v->is_string())
        to = std::string(v->get_string());
}

void read(const json::object& o, std::string_view name, utc_time& to)
{
    if (const auto* v = o.if_contains(name); v && v->is_string())
        if (const auto time = parse_rfc3339(std::string(v->get_string())); time.has_value())
            to = *time;
}

template <class Number>
bool read_number(const json::object& o, std::string_view name, Number& to)
{
    const auto* v = o.if_contains(name);
    if (!v || !v->is_number())
        return false;
    error_code ec;
    const auto number = v->to_number<Number>(ec);
    if (!ec)
        to = number;
    return !ec;
}

} // namespace

json::object to_json(const snapshot& s)
{
    return {
        {"agent",
         {{"id", s.agent.id},
          {"name", to_utf8(s.agent.name)},
          {"version", s.agent.version},
          {"started_at", format_rfc3339(s.agent.started_at)},
          {"home", text_or_null(s.agent.home)}}},
        {"link",
         {{"state", s.link.state},
          {"since", format_rfc3339(s.link.since)},
          {"url", to_utf8(s.link.url)},
          {"session", text_or_null(s.link.session)},
          {"last_error", text_or_null(s.link.last_error)},
          {"reconnects", s.link.reconnects},
          {"rtt_ms", s.link.rtt ? json::value(s.link.rtt->count()) : json::value(nullptr)}}},
        {"exchange",
         {{"state", s.exchange.state},
          {"since", format_rfc3339(s.exchange.since)},
          {"version", text_or_null(s.exchange.version)},
          {"product", text_or_null(s.exchange.product)},
          {"last_error", text_or_null(s.exchange.last_error)},
          {"in_flight", s.exchange.in_flight}}},
        {"queue", queue_json(s.queue)},
        {"certificate",
         {{"subject", to_utf8(s.certificate.subject)},
          {"not_after", format_rfc3339(s.certificate.not_after)},
          {"days_left", s.certificate.days_left},
          {"overdue", s.certificate.overdue}}},
        {"watches", {{"count", s.watches.count}, {"mailboxes", s.watches.mailboxes}}},
        {"log", {{"lines_lost", s.log.lines_lost}, {"trouble", text_or_null(s.log.trouble)}}},
        {"time", format_rfc3339(s.taken_at)},
    };
}

result<snapshot> from_json(const json::value& document)
{
    if (!document.is_object())
        return errc::protocol_violation;
    const auto& all = document.get_object();
    snapshot s;
    read(all, "time", s.taken_at);

    const auto& agent = part(all, "agent");
    read(agent, "id", s.agent.id);
    read(agent, "name", s.agent.name);
    read(agent, "version", s.agent.version);
    read(agent, "started_at", s.agent.started_at);
    read(agent, "home", s.agent.home);

    const auto& link = part(all, "link");
    read(link, "state", s.link.state);
    read(link, "since", s.link.since);
    read(link, "url", s.link.url);
    read(link, "session", s.link.session);
    read(link, "last_error", s.link.last_error);
    read_number(link, "reconnects", s.link.reconnects);
    if (std::int64_t ms = 0; read_number(link, "rtt_ms", ms))
        s.link.rtt = milliseconds(ms);

    const auto& exchange = part(all, "exchange");
    read(exchange, "state", s.exchange.state);
    read(exchange, "since", s.exchange.since);
    read(exchange, "version", s.exchange.version);
    read(exchange, "product", s.exchange.product);
    read(exchange, "last_error", s.exchange.last_error);
    read_number(exchange, "in_flight", s.exchange.in_flight);

    const auto& queue = part(all, "queue");
    if (snapshot::queue_part q; read_number(queue, "commands", q.commands)) {
        read_number(queue, "results_unacked", q.results_unacked);
        if (std::int64_t seconds = 0; read_number(queue, "oldest_s", seconds))
            q.oldest = std::chrono::seconds(seconds);
        read_number(queue, "bytes", q.bytes);
        read_number(queue, "damaged_files", q.damaged_files);
        s.queue = q;
    }

    const auto& certificate = part(all, "certificate");
    read(certificate, "subject", s.certificate.subject);
    read(certificate, "not_after", s.certificate.not_after);
    read_number(certificate, "days_left", s.certificate.days_left);
    if (const auto* v = certificate.if_contains("overdue"); v && v->is_bool())
        s.certificate.overdue = v->get_bool();

    const auto& watches = part(all, "watches");
    read_number(watches, "count", s.watches.count);
    read_number(watches, "mailboxes", s.watches.mailboxes);

    const auto& log = part(all, "log");
    read_number(log, "lines_lost", s.log.lines_lost);
    read(log, "trouble", s.log.trouble);

    if (s.link.state.empty() || s.exchange.state.empty())
        return errc::protocol_violation;
    return s;
}

} // namespace relay::status
