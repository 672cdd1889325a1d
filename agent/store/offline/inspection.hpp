// A look at the queue file from outside, beside the agent that may be using it: nothing is made, changed or locked.
#pragma once

#include "common/error/error.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

namespace relay::store {

struct inspection {
    bool there = false;         // a queue file
    std::uintmax_t bytes = 0;   // of it and its log
    std::int64_t set_aside = 0; // damaged ones that lie beside it
    error_code trouble;         // store_corrupt, store_newer, store_io, …; none where it is sound
    std::string problem;        // what SQLite said of it: no content of rows
};

// Blocks for at most about `limit`: a large file is read as far as the time allows. Any thread.
inspection inspect_queue(const std::filesystem::path& folder, std::chrono::milliseconds limit);

} // namespace relay::store
