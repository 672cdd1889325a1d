// Where a running agent writes.
#pragma once

#include "common/config/settings.hpp"

#include <filesystem>
#include <vector>

namespace relay::service {

// Its data folder, the folders of its log, certificate and key, those for temporary files, and what the unit gives it:
// StateDirectory=, CacheDirectory=, LogsDirectory=, RuntimeDirectory=, where a password command may keep something.
std::vector<std::filesystem::path> folders_written_to(const config::settings& s);

} // namespace relay::service
