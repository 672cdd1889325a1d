// The rules as the configuration has them.
#pragma once

#include "agent/policy/policy.hpp"
#include "common/config/settings.hpp"

namespace relay::policy {

rules rules_of(const config::policy_settings& s);

} // namespace relay::policy
