// The service account's password as a systemd credential (systemd.exec(5), LoadCredential=): what the unit hands over, and
// where `secret set` keeps it encrypted.
#pragma once

#include <filesystem>
#include <string_view>

namespace relay::config {

// Its name in the unit, and of the file in $CREDENTIALS_DIRECTORY.
inline constexpr std::string_view password_credential = "exchange.password";

// Beside the configuration file: for LoadCredentialEncrypted=.
std::filesystem::path encrypted_password(const std::filesystem::path& config_folder);

// True for a file that the service manager shows to the service alone, and only while it runs.
bool kept_by_service_manager(const std::filesystem::path& file);

} // namespace relay::config
