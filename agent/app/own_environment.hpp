// The agent tells whoever may talk to its socket (its own user and root) by which variables it runs: `doctor` then sees what
// the agent sees.
#pragma once

#include "common/error/error.hpp"
#include "common/platform/service_environment.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace relay::app {

inline constexpr std::string_view environment_request = "environment";

// The answer's message, a JSON object. A proxy's password may stand in it.
std::string own_environment();
// Reads it back; nothing where it is none.
std::optional<platform::variables> read_environment(std::string_view message);

} // namespace relay::app
