// The command line's other half: talks to the control interface of a cloud-sim that serves.
#pragma once

#include <CLI/CLI.hpp>

namespace relay::cloud_sim {

// Adds send, results, agents, violations, token and fault. What they return ends up in `exit_code`.
void add_client_commands(CLI::App& app, int& exit_code);

} // namespace relay::cloud_sim
