// `run`: the agent in the foreground, as systemd and a terminal start it.
#pragma once

#include <filesystem>

namespace relay::service {

// Returns the exit code: 0 after a signal and a drain, 1 where it could not start or failed (told on standard error).
int run_in_foreground(const std::filesystem::path& config_file);

} // namespace relay::service
