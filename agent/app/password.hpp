// Where the service account's password comes from: exchange.password_file or exchange.password_command.
#pragma once

#include "agent/http/settings.hpp"
#include "common/config/settings.hpp"

namespace relay::app {

inline constexpr std::chrono::seconds password_command_limit{10};
inline constexpr std::size_t longest_password = 4096; // bytes

// Reads the password anew with each call; the last line break is not part of it (INTERFACE.md, "Configuration").
// Errors: secret_flaw, or the system's.
http::password_source make_password_source(const config::exchange_settings& settings);

} // namespace relay::app
