#include "common/config/credential.hpp"

#include <string>

namespace relay::config {

std::filesystem::path encrypted_password(const std::filesystem::path& config_folder)
{
    return config_folder / (std::string(password_credential) + ".cred");
}

bool kept_by_service_manager(const std::filesystem::path& file)
{
    return file.lexically_normal().native().starts_with("/run/credentials/");
}

} // namespace relay::config
