#include "common/platform/service_notify.hpp"

#include <systemd/sd-daemon.h>

#include <cstdint>
#include <string>

namespace relay::platform {
namespace {

void send(const std::string& state)
{
    // A manager that is gone or slow must not disturb us: the result is of no use.
    static_cast<void>(::sd_notify(0, state.c_str()));
}

std::string one_line(std::string_view text)
{
    std::string out(text);
    for (char& c : out)
        if (c == '\n' || c == '\r')
            c = ' '; // a line break would begin another variable
    return out;
}

} // namespace

void service_notify::ready(std::string_view status) const
{
    send("READY=1\nSTATUS=" + one_line(status));
}

void service_notify::reloading() const
{
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now().time_since_epoch()); // CLOCK_MONOTONIC, as systemd wants it
    send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
}

void service_notify::stopping(std::string_view status) const
{
    send("STOPPING=1\nSTATUS=" + one_line(status));
}

void service_notify::status(std::string_view text) const
{
    send("STATUS=" + one_line(text));
}

void service_notify::alive() const
{
    send("WATCHDOG=1");
}

std::optional<duration> service_notify::watchdog()
{
    std::uint64_t microseconds = 0;
    if (::sd_watchdog_enabled(0, &microseconds) <= 0)
        return std::nullopt;
    return std::chrono::microseconds(microseconds);
}

} // namespace relay::platform
