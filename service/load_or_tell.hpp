// How every command reads the configuration, and tells what is wrong with it.
#pragma once

#include "common/config/load.hpp"

#include <filesystem>
#include <optional>

namespace relay::service {

// The settings; nothing where they are wrong: then each mistake stands in a line of its own on standard error.
std::optional<config::settings> load_or_tell(const std::filesystem::path& file,
                                             config::purpose what = config::purpose::run,
                                             config::file_check files = config::file_check::permissions);

} // namespace relay::service
