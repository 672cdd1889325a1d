// Whether what answers on status.listen is the agent that works on our data folder: two agents may be given one port.
#pragma once

#include "agent/status/client.hpp"
#include "agent/status/snapshot.hpp"

#include <filesystem>

namespace relay::status {

struct own_answer {
    fetched page; // /api/status as it came
    snapshot now;
};

// Asks the agent at `where`. Blocks, at most for `limit`. Errors: those of fetch(); errc::protocol_violation where it is no
// agent; errc::not_found where it is the agent of another data folder than `data_dir`. One that does not tell its folder (an
// older version), or whose folder may not be looked at by us, passes for ours.
result<own_answer> ask_own_agent(const config::loopback_endpoint& where,
                                 const std::filesystem::path& data_dir, milliseconds limit);

} // namespace relay::status
