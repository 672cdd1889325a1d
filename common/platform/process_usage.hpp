// What this process uses of the machine, as the metrics tell it.
#pragma once

#include <cstdint>
#include <optional>

namespace relay::platform {

// Nothing where the system does not say.
struct process_usage {
    std::optional<double> cpu_seconds; // user and system, since the start
    std::optional<std::uint64_t> resident_bytes, virtual_bytes;
    std::optional<std::uint64_t> open_files, most_files;
};

process_usage usage_of_this_process();

} // namespace relay::platform
