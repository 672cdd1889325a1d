#include "common/platform/disk_room.hpp"

#include <sys/statvfs.h>

namespace relay::platform {

std::optional<disk_room> room_at(const std::filesystem::path& place)
{
    struct statvfs s {};
    if (::statvfs(place.c_str(), &s) != 0)
        return std::nullopt;
    // Some file systems count no inodes at all.
    return disk_room{static_cast<std::uintmax_t>(s.f_bavail) * s.f_frsize, s.f_files == 0 || s.f_favail > 0,
                     (s.f_flag & ST_RDONLY) != 0};
}

} // namespace relay::platform
