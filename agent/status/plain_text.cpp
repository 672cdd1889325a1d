#include "agent/status/plain_text.hpp"

#include "agent/status/findings.hpp"
#include "common/log/line_formatter.hpp"
#include "common/time/rfc3339.hpp"

#include <fmt/format.h>

#include <iterator>

namespace relay::status {
namespace {

std::string at(utc_time t)
{
    return format_rfc3339(std::chrono::floor<std::chrono::seconds>(t));
}

std::string size(std::int64_t bytes)
{
    if (bytes < 1024 * 1024)
        return fmt::format("{} KiB", (bytes + 1023) / 1024);
    return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

std::string one_or_many(std::int64_t count, std::string_view noun)
{
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

} // namespace

std::string plain_text(const snapshot& s)
{
    std::string out;
    const auto line = [&](std::string_view name, const std::string& what) {
        // Texts come from the cloud, from Exchange and from certificates: none of them steers the terminal.
        fmt::format_to(std::back_inserter(out), "{:<13}{}\n", name, printable(what));
    };
    line("agent", fmt::format("{} (id {}), version {}, up since {}", s.agent.name, s.agent.id,
                              s.agent.version, at(s.agent.started_at)));

    auto link = fmt::format("{} since {}, {}", s.link.state, at(s.link.since), s.link.url);
    if (!s.link.session.empty())
        link += ", session " + s.link.session;
    if (s.link.rtt)
        link += fmt::format(", round trip {} ms", s.link.rtt->count());
    link += ", " + one_or_many(static_cast<std::int64_t>(s.link.reconnects), "reconnect");
    line("link", link);
    if (s.link.state == "connected" && !s.link.last_error.empty())
        line("", "last error: " + s.link.last_error);

    auto exchange = fmt::format("{} since {}", s.exchange.state, at(s.exchange.since));
    if (!s.exchange.version.empty())
        exchange += fmt::format(", {} ({})", s.exchange.product.empty() ? "version" : s.exchange.product,
                                s.exchange.version);
    exchange += ", " + one_or_many(static_cast<std::int64_t>(s.exchange.in_flight), "request") + " under way";
    line("exchange", exchange);
    if (s.exchange.state == "ok" && !s.exchange.last_error.empty())
        line("", "last error: " + s.exchange.last_error);

    if (s.queue) {
        auto queue = fmt::format("{} under way, {} not acknowledged by the cloud, {}",
                                 one_or_many(s.queue->commands, "command"),
                                 one_or_many(s.queue->results_unacked, "result"), size(s.queue->bytes));
        if (s.queue->oldest)
            queue += fmt::format(", the oldest for {} s", s.queue->oldest->count());
        line("queue", queue);
    } else {
        line("queue", "not known");
    }
    const auto days = s.certificate.days_left;
    line("certificate",
         fmt::format("{}, valid until {} ({})", s.certificate.subject, at(s.certificate.not_after),
                     days < 0 ? "expired" : one_or_many(days, "day")));
    line("watches", fmt::format("{} (mailboxes: {})", s.watches.count, s.watches.mailboxes));

    const auto wrong = findings(s);
    if (wrong.empty())
        out += "\nNothing is wrong.\n";
    for (const auto& f : wrong)
        fmt::format_to(std::back_inserter(out), "\n{}: {}\n  what to do: {}\n", name(f.how_bad),
                       printable(f.what), printable(f.advice));
    return out;
}

} // namespace relay::status
