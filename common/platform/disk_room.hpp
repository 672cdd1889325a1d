// What is left of a disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace relay::platform {

struct disk_room {
    std::uintmax_t free_bytes = 0; // to users without privileges
    bool has_inodes = true;        // a file can still be made
    bool read_only = false;        // mounted so
};

// Of the file system that `place` is on; nothing where it cannot be told.
std::optional<disk_room> room_at(const std::filesystem::path& place);

} // namespace relay::platform
