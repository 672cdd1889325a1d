// Runs a program that an administrator named (password_command) and takes what it prints.
#pragma once

#include "common/error/error.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace relay::platform {

inline constexpr std::size_t most_input_bytes = 4096; // what a pipe takes at once everywhere

// Runs argv[0] (an absolute path; no shell) with `input` (at most most_input_bytes) for its standard input and standard
// error dropped, for at most `limit`, then kills it with all it started. Blocks; any thread. Standard output, at most
// `most_bytes`, is the result.
// Errors: errc::bad_credentials_source where it cannot be started, exits with other than 0, takes too long or prints
// too much. The caller wipes what it got.
result<std::string> run_command(const std::vector<std::string>& argv, std::chrono::milliseconds limit,
                                std::size_t most_bytes, std::string_view input = {});

} // namespace relay::platform
