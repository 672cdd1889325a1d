#include "agent/status/documents.hpp"

#include "agent/status/exposition.hpp"
#include "agent/status/findings.hpp"
#include "common/time/rfc3339.hpp"

#include <boost/json/array.hpp>

#include <cmath>

namespace relay::status {
namespace {

namespace json = boost::json;

double seconds(utc_time t)
{
    return std::chrono::duration<double>(t.time_since_epoch()).count();
}

void gauge(exposition& out, std::string_view name, std::string_view help, double value)
{
    out.begin(name, "gauge", help);
    out.sample(value);
}

// A series that is there from the start can be asked for its rate: "ok" of each operation always is.
void write_commands(exposition& out, const recorder& r)
{
    const auto& ops = r.operations();
    out.begin(
        "workestra_relay_commands_total", "counter",
        "Commands that got an answer, by operation and outcome: ok, or the error code of the protocol.");
    for (std::size_t row = 0; row < ops.rows(); ++row)
        for (std::size_t column = 0; column < outcome_columns(); ++column)
            if (const auto count = r.commands().at(row, column); count > 0 || column == 0)
                out.sample({{"op", ops.name(row)}, {"outcome", outcome_name(column)}},
                           static_cast<double>(count));

    out.begin("workestra_relay_command_seconds", "histogram",
              "From receipt of a command to its result; commands refused at once are not in it.");
    for (std::size_t row = 0; row < ops.rows(); ++row)
        out.histogram({{"op", ops.name(row)}}, r.command_times(row));
}

void write_requests(exposition& out, const recorder& r)
{
    const auto& kinds = r.request_kinds();
    out.begin("workestra_relay_exchange_requests_total", "counter",
              "Requests to Exchange that ended, by EWS operation and outcome: ok, or the error code of the "
              "protocol.");
    for (std::size_t row = 0; row < kinds.rows(); ++row)
        for (std::size_t column = 0; column < outcome_columns(); ++column)
            if (const auto count = r.requests().at(row, column); count > 0)
                out.sample({{"operation", kinds.name(row)}, {"outcome", outcome_name(column)}},
                           static_cast<double>(count));
    out.begin("workestra_relay_exchange_request_seconds", "histogram",
              "How long requests to Exchange took, with the wait for a connection.");
    out.histogram({}, r.request_times());
}

void write_process(exposition& out, const snapshot& s, const platform::process_usage& u)
{
    if (u.cpu_seconds) {
        out.begin("process_cpu_seconds_total", "counter", "User and system CPU time in seconds.");
        out.sample(*u.cpu_seconds);
    }
    const auto number = [](std::uint64_t n) { return static_cast<double>(n); };
    if (u.resident_bytes)
        gauge(out, "process_resident_memory_bytes", "Resident memory in bytes.", number(*u.resident_bytes));
    if (u.virtual_bytes)
        gauge(out, "process_virtual_memory_bytes", "Virtual memory in bytes.", number(*u.virtual_bytes));
    if (u.open_files)
        gauge(out, "process_open_fds", "Open file descriptors.", number(*u.open_files));
    if (u.most_files)
        gauge(out, "process_max_fds", "The limit of open file descriptors.", number(*u.most_files));
    gauge(out, "process_start_time_seconds", "When the agent started, in seconds since 1970.",
          seconds(s.agent.started_at));
}

json::value in_ms(const std::optional<double>& s)
{
    return s ? json::value(std::round(*s * 10'000) / 10) : json::value(nullptr);
}

json::object series(const std::vector<minute>& hour, latency minute::*times,
                    const std::vector<std::uint64_t>& all, std::uint64_t minute::*failed)
{
    json::array count(all.begin(), all.end()), bad, median, slow;
    for (const auto& m : hour) {
        bad.emplace_back(m.*failed);
        median.push_back(in_ms((m.*times).quantile_seconds(0.5)));
        slow.push_back(in_ms((m.*times).quantile_seconds(0.95)));
    }
    return {{"count", std::move(count)},
            {"failed", std::move(bad)},
            {"p50_ms", std::move(median)},
            {"p95_ms", std::move(slow)}};
}

} // namespace

std::string metrics_text(const snapshot& s, const recorder& r, const platform::process_usage& u)
{
    exposition out;
    out.begin("workestra_relay_build_info", "gauge", "Always 1; the version stands in the label.");
    out.sample({{"version", s.agent.version}}, 1);
    gauge(out, "workestra_relay_link_up", "1 while connected to the cloud, else 0.",
          s.link.state == "connected" ? 1 : 0);
    out.begin("workestra_relay_reconnects_total", "counter", "Sessions with the cloud after the first.");
    out.sample(static_cast<double>(s.link.reconnects));
    gauge(out, "workestra_relay_exchange_up", "1 while Exchange answers, else 0.",
          s.exchange.state == "ok" || s.exchange.state == "busy" ? 1 : 0);
    gauge(out, "workestra_relay_exchange_in_flight", "Requests to Exchange that are under way.",
          static_cast<double>(s.exchange.in_flight));
    out.begin("workestra_relay_log_lines_lost_total", "counter",
              "Lines of the agent's log that could not be written.");
    out.sample(static_cast<double>(s.log.lines_lost));
    write_commands(out, r);
    write_requests(out, r);
    // Where the queue did not answer there is no number: an old one would be a lie.
    if (s.queue) {
        gauge(out, "workestra_relay_queue_commands", "Stored commands that are owed a result.",
              static_cast<double>(s.queue->commands));
        gauge(out, "workestra_relay_results_unacked",
              "Stored results and events that the cloud has not acknowledged.",
              static_cast<double>(s.queue->results_unacked));
        gauge(out, "workestra_relay_queue_bytes", "Size of the queue on disk.",
              static_cast<double>(s.queue->bytes));
    }
    gauge(out, "workestra_relay_certificate_expiry_timestamp_seconds",
          "When the client certificate expires, in seconds since 1970.", seconds(s.certificate.not_after));
    write_process(out, s, u);
    return out.text();
}

json::object history_json(const snapshot& s, recorder& r)
{
    json::array wrong;
    for (const auto& f : findings(s))
        wrong.push_back(json::object{{"level", name(f.how_bad)}, {"what", f.what}, {"advice", f.advice}});

    json::array listed;
    for (const auto& c : r.last_commands())
        listed.push_back(json::object{{"at", format_rfc3339(c.at)},
                                      {"id", c.id()},
                                      {"op", r.operations().name(c.op)},
                                      {"outcome", outcome_name(c.outcome)},
                                      {"attempts", c.attempts},
                                      {"took_ms", c.took.count()}});

    const auto hour = r.last_hour();
    std::vector<std::uint64_t> commands, requests;
    commands.reserve(hour.size());
    requests.reserve(hour.size());
    for (const auto& m : hour) {
        commands.push_back(m.commands);
        requests.push_back(m.request_times.count());
    }
    return {{"time", format_rfc3339(s.taken_at)},
            {"ready", !not_ready(s)},
            {"findings", std::move(wrong)},
            {"step_s", 60},
            {"commands", series(hour, &minute::command_times, commands, &minute::commands_failed)},
            {"requests", series(hour, &minute::request_times, requests, &minute::requests_failed)},
            {"last_commands", std::move(listed)}};
}

} // namespace relay::status
