// The log lines that alerting and support look for have names that stay as they are when the words change: "event" in the JSON
// format. docs/operations.md lists them.
#pragma once

#include <spdlog/logger.h>

#include <span>
#include <string_view>
#include <utility>

namespace relay {

// Says a line under its name: event::link_down.warn(log, "lost the link to the cloud: {}", why).
class log_event {
public:
    // `name`: static text of a–z and '_'.
    constexpr explicit log_event(const char* name) : name_(name) {}

    constexpr std::string_view name() const { return name_; }

    template <class... A>
    void info(spdlog::logger& log, spdlog::format_string_t<A...> text, A&&... values) const
    {
        say(log, spdlog::level::info, text, std::forward<A>(values)...);
    }
    template <class... A>
    void warn(spdlog::logger& log, spdlog::format_string_t<A...> text, A&&... values) const
    {
        say(log, spdlog::level::warn, text, std::forward<A>(values)...);
    }
    template <class... A>
    void error(spdlog::logger& log, spdlog::format_string_t<A...> text, A&&... values) const
    {
        say(log, spdlog::level::err, text, std::forward<A>(values)...);
    }

    template <class... A>
    void say(spdlog::logger& log, spdlog::level::level_enum level, spdlog::format_string_t<A...> text,
             A&&... values) const
    {
        // spdlog carries the place of a line for its formatter; ours reads the function's name as the event's.
        log.log(spdlog::source_loc{"", 0, name_}, level, text, std::forward<A>(values)...);
    }

private:
    const char* name_;
};

namespace event {

// The life of the process
inline constexpr log_event started{"started"};
inline constexpr log_event stopping{"stopping"};
inline constexpr log_event stopped{"stopped"};
inline constexpr log_event stop_forced{"stop_forced"};
inline constexpr log_event config_reloaded{"config_reloaded"};
inline constexpr log_event config_refused{"config_refused"};
inline constexpr log_event clock_jump{"clock_jump"};
inline constexpr log_event internal_fault{"internal_fault"};
// The link to the cloud
inline constexpr log_event link_up{"link_up"};
inline constexpr log_event link_down{"link_down"};
inline constexpr log_event link_rejected{"link_rejected"};
inline constexpr log_event link_drained{"link_drained"};
inline constexpr log_event cloud_problem{"cloud_problem"};
inline constexpr log_event old_copy_found{"old_copy_found"};
inline constexpr log_event cloud_set_back{"cloud_set_back"};
inline constexpr log_event certificate_renewed{"certificate_renewed"};
inline constexpr log_event certificate_not_renewed{"certificate_not_renewed"};
// Exchange
inline constexpr log_event exchange_up{"exchange_up"};
inline constexpr log_event exchange_unreachable{"exchange_unreachable"};
inline constexpr log_event exchange_busy{"exchange_busy"};
inline constexpr log_event exchange_auth_failed{"exchange_auth_failed"};
inline constexpr log_event streaming_up{"streaming_up"};
inline constexpr log_event streaming_down{"streaming_down"};
inline constexpr log_event write_doubtful{"write_doubtful"};
// The queue and the audit
inline constexpr log_event queue_up{"queue_up"};
inline constexpr log_event queue_down{"queue_down"};
inline constexpr log_event queue_full{"queue_full"};
inline constexpr log_event queue_damaged{"queue_damaged"};
inline constexpr log_event audit_up{"audit_up"};
inline constexpr log_event audit_down{"audit_down"};
inline constexpr log_event audit_changed{"audit_changed"};

// All of the above.
std::span<const log_event> all() noexcept;

} // namespace event
} // namespace relay
