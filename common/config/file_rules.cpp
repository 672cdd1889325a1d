#include "common/config/file_rules.hpp"

#include "common/config/credential.hpp"

#include <fmt/format.h>

#ifndef _WIN32
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace relay::config {

std::string secret_mode_mistake(unsigned mode, bool kept_by_systemd)
{
    // systemd gives the service's user access by an ACL, whose mask stat() shows as the group's bits.
    const unsigned forbidden = kept_by_systemd ? 0007 : 0066;
    if ((mode & forbidden) == 0)
        return {};
    return fmt::format("can be read or changed by others than its owner (mode {:04o}); run: chmod 0600",
                       mode & 07777);
}

#ifdef _WIN32
std::string secret_file_mistake(const std::filesystem::path&)
{
    return {};
}

bool closed_to_us(const std::filesystem::path&)
{
    return false;
}
#else
std::string secret_file_mistake(const std::filesystem::path& file)
{
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0)
        return {};
    if (!S_ISREG(found.st_mode))
        return "is not a regular file";
    return secret_mode_mistake(found.st_mode, kept_by_service_manager(file));
}

bool closed_to_us(const std::filesystem::path& file)
{
    return !file.empty() && ::access(file.c_str(), R_OK) != 0 && errno == EACCES;
}
#endif

} // namespace relay::config
