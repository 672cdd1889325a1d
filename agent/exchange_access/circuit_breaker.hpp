// What the agent knows of the server's health, and when a command may try (again): a circuit breaker for outages, and
// pauses where Exchange asked for one. Decides only; the caller waits.
#pragma once

#include "agent/ews/exchange.hpp"
#include "common/time/backoff.hpp"

#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>

namespace spdlog {
class logger;
}

namespace relay::exchange_access {

enum class server_state { unknown, ok, unreachable, auth_failed, busy };

std::string_view name(server_state s) noexcept; // as `status` has it

// Nobody answered, or not Exchange itself.
bool is_outage(const ews::error& e) noexcept;

// Loop thread only.
class circuit_breaker {
public:
    // `changed` is called when the server answers after an outage or a refused sign-in, and when a probe failed, so that
    // waiting commands ask again.
    circuit_breaker(std::uint64_t seed, std::function<void()> changed, spdlog::logger& log);

    // When a try for `mailbox` may start; a time at or before `now` means now. A first try is held up only by a pause
    // that Exchange asked for; a repeated one, while the server is down, goes one at a time with growing distances.
    steady_time earliest_start(const std::string& mailbox, bool repeated) const;
    // As earliest_start(), and where that is now, the caller starts.
    steady_time may_start(const std::string& mailbox, bool repeated, steady_time now);

    void succeeded(steady_time now, utc_time wall);
    // `began`: when the try began; nothing: just now. An outage that it met before the last success is over already: requests
    // of one burst end in any order.
    void failed(const ews::error& e, const std::string& mailbox, steady_time now, utc_time wall,
                std::optional<steady_time> began = {});

    // When a call was last told about here; nothing before the first.
    std::optional<steady_time> last_heard() const noexcept { return last_heard_; }

    server_state state() const noexcept { return state_; }
    // Nothing speaks against asking now.
    bool is_closed() const noexcept { return state_ == server_state::ok || state_ == server_state::unknown; }
    utc_time since() const noexcept { return since_; }
    const std::string& last_error() const noexcept { return last_error_; }

private:
    void change(server_state to, utc_time wall);
    void note_trouble(steady_time now);
    duration pause_of(milliseconds asked);

    std::function<void()> changed_;
    spdlog::logger& log_;
    server_state state_ = server_state::unknown;
    utc_time since_{};
    std::string last_error_;
    std::optional<steady_time> last_heard_;
    std::optional<steady_time> last_success_;
    backoff probe_pace_;
    std::mt19937_64 random_;
    steady_time next_probe_{};
    steady_time trouble_since_{}; // since it last answered as it should
    std::uint64_t failures_ = 0;  // requests that failed since
    steady_time server_paused_until_{};
    std::unordered_map<std::string, steady_time> mailbox_paused_until_;
};

} // namespace relay::exchange_access
