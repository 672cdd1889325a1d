// What `doctor` and `support-bundle` examine.
#pragma once

#include "agent/doctor/examination.hpp"

#include <filesystem>

namespace relay::service {

// As much as the configuration in `file` tells, mistakes in it included; no mailboxes. This process has the agent's
// variables from then on (agents_eyes.hpp).
doctor::doctor_input doctor_input_of(const std::filesystem::path& file);

} // namespace relay::service
