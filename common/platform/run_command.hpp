// Runs a program that an administrator named (password_command) and takes what it prints.
#pragma once

#include "common/error/error.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace relay::platform {

// Runs argv[0] (an absolute path; no shell) with standard input closed and standard error dropped, for at most `limit`,
// then kills it with all it started. Blocks; any thread. Standard output, at most `most_bytes`, is the result.
// Errors: errc::bad_credentials_source where it cannot be started, exits with other than 0, takes too long or prints
// too much. The caller wipes what it got.
result<std::string> run_command(const std::vector<std::string>& argv, std::chrono::milliseconds limit,
                                std::size_t most_bytes);

} // namespace relay::platform
