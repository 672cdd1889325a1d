// Drives an agent at full speed over the live link and measures each command from its frame to its result.
#pragma once

#include "tests/stand_ins/cloud/cloud.hpp"

namespace relay::cloud_sim {

struct bench_request {
    std::string op, mailbox;
    std::string params = "{}"; // JSON; every "${n}" in it becomes the number of the command, from 1
    std::optional<std::int64_t> ttl_ms;
    std::int64_t total = 1;       // commands in all
    std::int64_t outstanding = 1; // commands without a result at any time
    milliseconds timeout{600'000};
};

// Returns the report: {"completed","failed","lost","seconds","per_second","p50_us","p90_us","p99_us","max_us","errors"}.
// `lost` are commands without a result when the link went away or the time was up. An empty object where no agent is
// connected.
task<json::object> run_bench(cloud& c, bench_request request);

// Waits until the ack of `store` (empty: of the newest session) reaches `until`: {"ack","elapsed_ms"} from the last
// welcome; without "elapsed_ms" where it did not within `limit`.
task<json::object> wait_for_drain(cloud& c, std::string store, std::int64_t until, milliseconds limit);

} // namespace relay::cloud_sim
