// Tells the service manager how the process is doing (systemd: sd_notify(3)). Where there is none, nothing happens.
#pragma once

#include "common/time/time_source.hpp"

#include <optional>
#include <string_view>

namespace relay::platform {

// Any thread. Each call is one datagram and does not wait.
class service_notify {
public:
    void ready(std::string_view status) const; // up, and after reloading()
    void reloading() const;
    void stopping(std::string_view status) const;
    void status(std::string_view text) const; // one line, shown by systemctl status
    void alive() const;                       // resets the watchdog

    // How long the manager waits for alive() before it takes us for hung; nothing where it does not watch.
    static std::optional<duration> watchdog();
};

} // namespace relay::platform
