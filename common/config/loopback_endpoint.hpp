// Where the status page listens, as the configuration says it.
#pragma once

#include "common/config/settings.hpp"

#include <optional>
#include <string_view>

namespace relay::config {

// Reads "127.0.0.1:9480", "[::1]:9480" or "localhost:9480"; nothing for any other host.
std::optional<loopback_endpoint> parse_loopback_endpoint(std::string_view text);

} // namespace relay::config
