// The last part of the agent's log, wherever it is kept.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>

namespace relay::support {

struct log_part {
    std::string text; // whole lines, oldest first
    std::string note; // what is missing and why; empty: nothing
};

// Of log.file and the files that rotation left beside it: the newest `most_bytes`.
log_part log_files(const std::filesystem::path& file, std::size_t most_bytes);

// What systemd's journal holds of the agent's unit since `age` ago: the newest `most_bytes`. Asks journalctl; blocks for
// half a minute at most.
log_part journal(std::chrono::hours age, std::size_t most_bytes);

} // namespace relay::support
