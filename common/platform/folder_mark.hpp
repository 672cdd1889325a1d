// Tells folders apart that may have one name (a link, a container's own view), or several.
#pragma once

#include "common/error/error.hpp"

#include <filesystem>
#include <string>

namespace relay::platform {

// The same for a folder under all of its names on this machine, and another for every other folder. Errors: the system's.
result<std::string> mark_of_folder(const std::filesystem::path& folder);

} // namespace relay::platform
