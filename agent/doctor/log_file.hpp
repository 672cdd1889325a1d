// Whether the agent's log file can be written.
#pragma once

#include "agent/doctor/report.hpp"

#include <filesystem>

namespace relay::doctor {

// Changes nothing; blocks for a moment.
check log_file(const std::filesystem::path& file);

} // namespace relay::doctor
