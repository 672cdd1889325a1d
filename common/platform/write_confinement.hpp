// What this process gives up for good: writing outside of the folders that it works in (Linux: Landlock, landlock(7)).
#pragma once

#include "common/error/error.hpp"

#include <filesystem>
#include <span>

namespace relay::platform {

enum class write_confinement {
    in_force,
    unknown_to_kernel, // older than Linux 5.13, or built or started without it
};

// From now on neither the calling thread, nor threads and programs that it starts, can make, change or remove a file
// outside of `folders` and what lies in them; /dev/null aside. Reading, and files that are open, stay as they were. To be
// called before there are other threads. A folder that is not there is passed over. Errors are the system's.
result<write_confinement> write_only_in(std::span<const std::filesystem::path> folders);

} // namespace relay::platform
