#include "common/platform/folder_mark.hpp"

#include <cerrno>

#include <sys/stat.h>

namespace relay::platform {

result<std::string> mark_of_folder(const std::filesystem::path& folder)
{
    struct stat found {};
    if (::stat(folder.c_str(), &found) != 0)
        return error_code(errno, boost::system::system_category());
    return std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino);
}

} // namespace relay::platform
