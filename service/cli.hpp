// The command line: what INTERFACE.md lists under "Commands", as far as it exists.
#pragma once

#include "common/config/secret.hpp"

#include <filesystem>
#include <string>
#include <variant>

namespace relay::service {

struct run_agent {
    std::filesystem::path config;
};
struct check_config {
    std::filesystem::path config;
};
struct enroll_agent {
    std::filesystem::path config;
    std::string url; // of the cloud, as given
    secret token;    // "-": from standard input; empty: from the environment
    bool force = false;
    bool json = false;
};
struct ask_status {
    std::filesystem::path config;
    bool json = false;
};
// Help or the version was printed, or a mistake in usage was told: nothing is left to do but to end.
struct answered {
    int exit_code;
};

using invocation = std::variant<run_agent, check_config, enroll_agent, ask_status, answered>;

inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_not_connected = 3; // of `status`
inline constexpr int exit_not_running = 4;   // the same

// Prints help and version on standard output, a mistake in one line on standard error.
invocation parse_command_line(int argc, const char* const* argv);

// Overwrites the value of --token in the command line that other users of the machine see. After parse_command_line().
void cover_token(int argc, char** argv);

} // namespace relay::service
