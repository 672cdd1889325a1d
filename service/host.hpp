// Between the operating system and the agent: signals, the service manager's watchdog and its status line.
#pragma once

#include "agent/app/agent.hpp"
#include "agent/http/blocking_executor.hpp"
#include "common/platform/process_signals.hpp"
#include "common/platform/service_notify.hpp"

#include <filesystem>
#include <functional>
#include <optional>

namespace relay::service {

// Loop thread only.
class host {
public:
    // Reads the configuration again for a reload; nothing where it is wrong (and has been told). Called off the loop.
    using settings_source = std::function<std::optional<config::settings>()>;

    // `agent`, `log` and the io_context behind `executor` outlive the host.
    host(asio::any_io_executor executor, app::agent& agent, settings_source reread,
         std::chrono::seconds drain_timeout, spdlog::logger& log);

    // Runs the agent until a signal has stopped it. Throws what the agent throws.
    task<void> run();

private:
    void stop_asked();
    void reload_asked();
    task<void> reload();
    void tell(const app::agent::reloaded& outcome);
    void tell(const uplink::link_status& s);
    task<void> keep_watchdog(duration period);
    task<void> give_back_memory();
    task<void> end_by(duration limit);

    app::agent& agent_;
    settings_source reread_;
    std::chrono::seconds drain_timeout_;
    spdlog::logger& log_;
    real_time time_;
    http::blocking_executor blocking_; // for the configuration: a disk may hang
    platform::service_notify manager_;
    task_group children_;
    platform::process_signals signals_;
    int stops_ = 0;
    bool reloading_ = false;
    bool reload_again_ = false; // asked for while one was under way
};

} // namespace relay::service
