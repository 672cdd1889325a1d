// A queue that is damaged is moved out of the way, never deleted: what it holds may be wanted by whoever looks into it.
#pragma once

#include "common/error/error.hpp"
#include "common/time/time_source.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace relay::store {

// As many may lie in a folder; where a further one would have to join them, the disk is what has to be mended.
inline constexpr std::int64_t most_damaged_files = 5;

// How many lie beside `file`.
std::int64_t damaged_files(const std::filesystem::path& file);

// Renames `file`, which nobody has open, to FILE.damaged-20261122T101500Z (`now`, or the next second whose name is free),
// and what SQLite keeps beside it (-wal, -shm, -journal) so that the two still belong together. Returns the new name.
// Errors: errc::store_full where most_damaged_files lie there, or the system's code; a half moved queue is moved on by the
// next start.
result<std::filesystem::path> set_aside(const std::filesystem::path& file, utc_time now);

// What SQLite would take for an empty queue although it was none; empty where `file` is not of that kind. A log without
// its file is what a crash in set_aside() leaves, or a lost file.
std::string lost_content(const std::filesystem::path& file);

} // namespace relay::store
