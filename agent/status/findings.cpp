#include "agent/status/findings.hpp"

#include "common/time/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace relay::status {
namespace {

using level = finding::level;

constexpr std::chrono::minutes long_wait{15};
constexpr std::chrono::seconds usual_dial{
    30}; // steps of connecting have 10 s each: an attempt this young is no news

std::string because(const std::string& reason)
{
    return reason.empty() ? std::string() : ": " + reason;
}

std::string at(utc_time t)
{
    return format_rfc3339(std::chrono::floor<std::chrono::seconds>(t));
}

void look_at_link(const snapshot& s, std::vector<finding>& found)
{
    const auto& l = s.link;
    if (l.state == "connected")
        return;
    if (l.state == "rejected") {
        // The agent's sentence ends with the code and the message of the cloud.
        const bool passing = l.last_error.find("try_later") != std::string::npos;
        found.push_back(
            {passing ? level::warning : level::error,
             fmt::format("The cloud rejects this agent since {}{}.", at(l.since), because(l.last_error)),
             passing ? "Nothing: the agent asks again by itself."
                     : "Ask whoever runs the workspace in Workestra; duplicate_agent means that another "
                       "machine uses the same certificate: take one of them away, or enrol it anew."});
    } else if (l.state == "stopped") {
        found.push_back({level::warning, "The agent is stopping: it takes no commands any more.",
                         "Nothing; start it again when you want it back."});
    } else if (l.state != "connecting" || !l.last_error.empty() || s.taken_at - l.since > usual_dial) {
        found.push_back(
            {level::warning,
             // Not since when: the state changes with every attempt.
             fmt::format("There is no link to the cloud{}.", because(l.last_error)),
             fmt::format("The agent tries again by itself, and goes on with what it has accepted. If it "
                         "lasts: check that this machine reaches {} (name look-up, firewall, cloud.proxy).",
                         l.url.empty() ? "cloud.url" : l.url)});
    }
}

void look_at_exchange(const snapshot& s, std::vector<finding>& found)
{
    const auto& e = s.exchange;
    if (e.state == "auth_failed")
        found.push_back(
            {level::error,
             fmt::format("Exchange refuses the service account since {}{}.", at(e.since),
                         because(e.last_error)),
             "Put the right password in place (exchange.password_file or exchange.password_command), see "
             "that the account is neither locked nor expired and this machine's clock right, then reload the "
             "agent: systemctl reload workestra-relay. Until then it tries only every few minutes, so as not "
             "to lock the account."});
    else if (e.state == "unreachable")
        found.push_back(
            {level::warning,
             fmt::format("Exchange does not answer since {}{}.", at(e.since), because(e.last_error)),
             "The agent tries again by itself; bookings wait. If it lasts: check exchange.url, and that "
             "Exchange's web services answer on this machine."});
    else if (e.state == "busy")
        found.push_back(
            {level::warning,
             fmt::format("Exchange throttles the service account since {}{}.", at(e.since),
                         because(e.last_error)),
             "The agent pauses as long as Exchange asks for. If it happens often: give the account a "
             "throttling policy of its own."});
}

void look_at_queue(const snapshot& s, std::vector<finding>& found)
{
    if (!s.queue) {
        found.push_back({level::error, "The queue did not answer.",
                         "Look at the disk that holds agent.data_dir, and at the log."});
        return;
    }
    if (s.queue->oldest && *s.queue->oldest >= long_wait)
        found.push_back(
            {level::warning,
             fmt::format("The oldest command or result waits for {} minutes.",
                         std::chrono::floor<std::chrono::minutes>(*s.queue->oldest).count()),
             "Commands wait for Exchange, results for the cloud: if neither stands here as the cause, look "
             "at the log."});
    if (s.queue->damaged_files > 0)
        found.push_back({level::warning,
                         fmt::format("{} damaged queue file(s) were set aside in agent.data_dir.",
                                     s.queue->damaged_files),
                         "Look at the disk; then move the queue.db.damaged-… files away."});
}

void look_at_certificate(const snapshot& s, std::vector<finding>& found)
{
    const auto& c = s.certificate;
    if (c.not_after == utc_time{})
        return;
    const std::string advice =
        "The agent renews it by itself, and its log says what is in the way. Where the cloud refuses to: "
        "have a new token made, then workestra-relay enroll --force, then systemctl reload workestra-relay.";
    if (c.not_after <= s.taken_at)
        found.push_back(
            {level::error, fmt::format("The client certificate expired on {}.", at(c.not_after)), advice});
    else if (c.overdue)
        found.push_back(
            {level::warning, fmt::format("The client certificate expires on {}.", at(c.not_after)), advice});
}

void look_at_log(const snapshot& s, std::vector<finding>& found)
{
    if (!s.log.trouble.empty())
        found.push_back(
            {level::warning,
             fmt::format("The agent's log cannot be written: {}. {} lines are lost so far.", s.log.trouble,
                         s.log.lines_lost),
             "Make room on the disk that log.file is on; where the log goes to another program, see "
             "that it reads on. The agent itself goes on without its log."});
}

} // namespace

std::vector<finding> findings(const snapshot& s)
{
    std::vector<finding> found;
    look_at_link(s, found);
    look_at_exchange(s, found);
    look_at_queue(s, found);
    look_at_certificate(s, found);
    look_at_log(s, found);
    std::ranges::stable_sort(found, std::greater<>(), &finding::how_bad);
    return found;
}

std::optional<std::string> not_ready(const snapshot& s)
{
    if (s.link.state != "connected")
        return fmt::format("the link to the cloud is {}{}", s.link.state, because(s.link.last_error));
    // Busy is an answer: Exchange is there, and the agent paces itself.
    if (s.exchange.state == "ok" || s.exchange.state == "busy")
        return std::nullopt;
    if (s.exchange.state == "unknown")
        return "Exchange was not asked yet";
    return fmt::format("Exchange is {}{}", s.exchange.state, because(s.exchange.last_error));
}

std::string_view name(level l) noexcept
{
    return l == level::error ? "error" : "warning";
}

} // namespace relay::status
