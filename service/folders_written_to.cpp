#include "service/folders_written_to.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace relay::service {
namespace {

namespace fs = std::filesystem;

// What systemd names in a variable: paths, parted by colons (systemd.exec(5)).
void add_from_unit(std::vector<fs::path>& to, const char* variable)
{
    const char* value = std::getenv(variable);
    for (std::string_view rest = value ? value : ""; !rest.empty();) {
        const auto end = std::min(rest.find(':'), rest.size());
        if (end > 0)
            to.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

} // namespace

std::vector<fs::path> folders_written_to(const config::settings& s)
{
    std::vector<fs::path> folders{s.agent.data_dir, "/tmp", "/var/tmp"};
    std::error_code ec;
    folders.push_back(fs::temp_directory_path(ec)); // TMPDIR
    for (const auto* file : {&s.log.file, &s.cloud.certificate_file, &s.cloud.private_key_file})
        if (!file->empty())
            folders.push_back(fs::absolute(*file, ec).parent_path());
    for (const auto* variable : {"STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY", "RUNTIME_DIRECTORY"})
        add_from_unit(folders, variable);
    std::erase_if(folders, [](const auto& f) { return f.empty(); });
    return folders;
}

} // namespace relay::service
