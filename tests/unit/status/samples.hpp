// An agent that does well, to be spoilt by tests.
#pragma once

#include "agent/status/snapshot.hpp"

namespace relay::test {

inline constexpr utc_time morning = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 10h;

inline status::snapshot healthy()
{
    status::snapshot s;
    s.taken_at = morning + 1h;
    s.agent = {"agent-1", "hq-1", "1.2.3", morning};
    s.link = {"connected", morning + 1s, "wss://relay.example/v1/connect", "s-77", "", 2, milliseconds(12)};
    s.exchange = {"ok", morning + 2s, "15.2.1118.7", "Exchange 2019", "", 1};
    s.queue = status::snapshot::queue_part{3, 4, std::chrono::seconds(5), 8192, 0};
    s.certificate = {"CN=agent-1", morning + std::chrono::days(90), 89, false};
    return s;
}

} // namespace relay::test
