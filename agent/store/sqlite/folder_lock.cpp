// Linux: flock(2) belongs to the open file, so it ends with the process however that ends.
#include "agent/store/sqlite/folder_lock.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace relay::store {
namespace {

error_code meaning(int system_error)
{
    switch (system_error) {
    case EWOULDBLOCK:
        return errc::store_locked;
    case EACCES:
    case EPERM:
    case EROFS:
        return errc::store_read_only;
    case ENOSPC:
    case EDQUOT:
        return errc::store_full;
    default:
        return {system_error, boost::system::system_category()};
    }
}

} // namespace

result<folder_lock> folder_lock::take(const std::filesystem::path& folder)
{
    namespace fs = std::filesystem;
    std::error_code ec;
    if (fs::create_directories(folder, ec))
        fs::permissions(folder, fs::perms::owner_all, ec);
    if (ec)
        return meaning(ec.value());

    const int handle = ::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (handle < 0)
        return meaning(errno);
    folder_lock lock(handle);
    if (::flock(handle, LOCK_EX | LOCK_NB) != 0)
        return meaning(errno);
    return lock;
}

folder_lock::~folder_lock()
{
    if (handle_ >= 0)
        ::close(handle_);
}

error_code ensure_private_file(const std::filesystem::path& file)
{
    const int handle = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (handle < 0)
        return meaning(errno);
    ::close(handle);
    return {};
}

} // namespace relay::store
