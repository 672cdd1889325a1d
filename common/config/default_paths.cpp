#include "common/config/settings.hpp"

#ifdef _WIN32
#include <cstdlib>
#endif

namespace relay::config {
#ifdef _WIN32
namespace {

std::filesystem::path program_data()
{
    const auto* folder = _wgetenv(L"ProgramData");
    return std::filesystem::path(folder ? folder : L"C:\\ProgramData") / L"Workestra Relay";
}

} // namespace

std::filesystem::path default_data_dir()
{
    return program_data();
}

std::filesystem::path default_config_file()
{
    return program_data() / L"agent.toml";
}
#else

std::filesystem::path default_data_dir()
{
    return "/var/lib/workestra-relay";
}

std::filesystem::path default_config_file()
{
    return "/etc/workestra-relay/agent.toml";
}
#endif

} // namespace relay::config
