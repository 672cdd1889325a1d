// What commands and requests to Exchange have come to: totals since the start, the last hour by minutes, and the
// last commands one by one. Holds no content: no mailbox, no params, no text of an error.
#pragma once

#include "agent/protocol/ended_command.hpp"
#include "agent/status/measures.hpp"

#include <array>
#include <vector>

namespace relay::protocol {
class operation_catalog;
}

namespace relay::status {

// The column of an outcome in the tallies below, and its name: "ok", or the fault's code.
std::size_t outcome_column(const std::optional<protocol::fault_code>& fault) noexcept;
std::string_view outcome_name(std::size_t column) noexcept;
std::size_t outcome_columns() noexcept;

// One command as the status page lists it.
struct listed_command {
    static constexpr std::size_t longest_id = 64; // PROTOCOL.md

    utc_time at{}; // when it ended
    std::array<char, longest_id> id_text{};
    std::size_t id_size = 0;
    std::size_t op = 0;      // row of recorder::operations()
    std::size_t outcome = 0; // column
    int attempts = 0;
    milliseconds took{0};

    std::string_view id() const noexcept { return {id_text.data(), id_size}; }
};

// What happened within one minute.
struct minute {
    std::uint64_t commands = 0, commands_failed = 0;
    std::uint64_t requests_failed = 0;
    latency command_times; // of those that were admitted
    latency request_times; // all requests
};

// Loop thread only. Adding allocates nothing (but for the first request of each kind).
class recorder {
public:
    static constexpr std::size_t minutes = 60;
    static constexpr std::size_t most_listed = 50;

    recorder(time_source& time, const protocol::operation_catalog& catalog);

    void command_ended(const protocol::ended_command& c);
    // `operation`: as Exchange calls it. `fault`: nothing where it succeeded.
    void request_ended(std::string_view operation, std::optional<protocol::fault_code> fault, duration took);

    // ---- since the start ----
    const label_set& operations() const noexcept { return operations_; }
    const label_set& request_kinds() const noexcept { return request_kinds_; }
    const tally& commands() const noexcept { return commands_; }
    const tally& requests() const noexcept { return requests_; }
    // By row of operations(); of commands that were admitted.
    const latency& command_times(std::size_t operation) const { return command_times_.at(operation); }
    const latency& request_times() const noexcept { return request_times_; }

    // The last hour, oldest first; the last one is the minute that runs.
    std::vector<minute> last_hour();
    // The last commands, newest first.
    std::vector<listed_command> last_commands() const;

private:
    minute& this_minute();

    time_source& time_;
    steady_time started_;
    label_set operations_, request_kinds_;
    tally commands_, requests_;
    std::vector<latency> command_times_;
    latency request_times_;
    std::vector<minute> hour_;           // a ring: minute n since the start is at n % minutes
    std::int64_t newest_ = 0;            // the minute that was touched last
    std::vector<listed_command> listed_; // a ring
    std::size_t ended_ = 0;
};

} // namespace relay::status
