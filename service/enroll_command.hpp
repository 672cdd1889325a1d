// `enroll`: the certificate of this machine, from the cloud, for a one-time token.
#pragma once

#include "service/cli.hpp"

#include <string_view>

namespace relay::service {

// Not WORKESTRA_RELAY_…: such a variable is a key of the configuration.
inline constexpr std::string_view token_variable = "WORKESTRA_ENROLL_TOKEN";

// Returns the exit code: 0 where the machine is enrolled now (or was: then nothing is changed, without --force), 1 where it
// is not, told in one line on standard error, 2 where the URL or the token is missing or none.
int enroll(const enroll_agent& asked);

} // namespace relay::service
