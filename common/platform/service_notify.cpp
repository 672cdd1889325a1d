#include "common/platform/service_notify.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace relay::platform {
namespace {

constexpr ::timeval send_limit{1, 0};

std::string_view variable(const char* name)
{
    const char* value = std::getenv(name);
    return value ? value : "";
}

// One datagram to the socket that the manager names, as sd_notify(3) documents it. libsystemd would do the same, and load
// six libraries for what else it can do. A manager that is gone or slow must not disturb us: the result is of no use.
void send(const std::string& state)
{
    const auto name = variable("NOTIFY_SOCKET");
    ::sockaddr_un manager{};
    manager.sun_family = AF_UNIX;
    if (name.size() < 2 || name.size() >= sizeof manager.sun_path)
        return;
    name.copy(manager.sun_path, name.size());
    if (name.front() == '@')
        manager.sun_path[0] = '\0'; // a name that is in no file system
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0)
        return;
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &send_limit, sizeof send_limit);
    const auto size = static_cast<::socklen_t>(offsetof(::sockaddr_un, sun_path) + name.size());
    static_cast<void>(::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL,
                               reinterpret_cast<const ::sockaddr*>(&manager), size));
    ::close(socket);
}

template <class Number>
std::optional<Number> number_in(const char* name)
{
    const auto text = variable(name);
    Number number{};
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size())
        return std::nullopt;
    return number;
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
    // As sd_watchdog_enabled(3) reads them: with a process id the period is that process's alone.
    const auto microseconds = number_in<std::int64_t>("WATCHDOG_USEC");
    if (!microseconds || *microseconds <= 0)
        return std::nullopt;
    if (!variable("WATCHDOG_PID").empty() && number_in<::pid_t>("WATCHDOG_PID") != ::getpid())
        return std::nullopt;
    return std::chrono::microseconds(*microseconds);
}

} // namespace relay::platform
