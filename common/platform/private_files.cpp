#include "common/platform/private_files.hpp"

#include <cerrno>
#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace relay::platform {
namespace {

namespace fs = std::filesystem;

error_code last_error()
{
    return {errno, boost::system::system_category()};
}

class handle {
public:
    explicit handle(int h) : handle_(h) {}
    ~handle()
    {
        if (handle_ >= 0)
            ::close(handle_);
    }
    handle(const handle&) = delete;
    handle& operator=(const handle&) = delete;
    explicit operator bool() const noexcept { return handle_ >= 0; }
    int get() const noexcept { return handle_; }

private:
    int handle_;
};

fs::path folder_of(const fs::path& file)
{
    return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

error_code sync_folder(const fs::path& folder)
{
    const handle opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened || ::fsync(opened.get()) != 0)
        return last_error();
    return {};
}

// Whom what is made in `folder` belongs to; only root can give it away, and only then it has to.
error_code give_to_owner_of(const fs::path& folder, int made)
{
    if (::geteuid() != 0)
        return {};
    struct stat owner {};
    if (::stat(folder.c_str(), &owner) != 0)
        return last_error();
    if (owner.st_uid != 0 && ::fchown(made, owner.st_uid, owner.st_gid) != 0)
        return last_error();
    return {};
}

error_code write_all(int file, std::string_view text)
{
    while (!text.empty()) {
        const auto written = ::write(file, text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return last_error();
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

// No second thread asks: only commands, and an agent that does not start, name owners.
std::string name_of(uid_t user)
{
    const auto* const found = ::getpwuid(user);
    return found ? found->pw_name : std::to_string(user);
}

} // namespace

error_code make_private_folder(const fs::path& folder)
{
    struct stat found {};
    if (::stat(folder.c_str(), &found) == 0)
        return S_ISDIR(found.st_mode) ? error_code() : error_code(ENOTDIR, boost::system::system_category());
    if (errno != ENOENT)
        return last_error();
    const auto above = folder_of(folder);
    if (const auto ec = make_private_folder(above))
        return ec;
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        return last_error();
    const handle made(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!made)
        return last_error();
    if (const auto ec = give_to_owner_of(above, made.get()))
        return ec;
    return sync_folder(above);
}

error_code write_synced(const fs::path& file, std::string_view text, readable_by who)
{
    if (::unlink(file.c_str()) != 0 && errno != ENOENT)
        return last_error();
    const handle made(
        ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)); // umask only takes
    if (!made)
        return last_error();
    if (const auto ec = give_to_owner_of(folder_of(file), made.get()))
        return ec;
    if (const auto ec = write_all(made.get(), text))
        return ec;
    if (who == readable_by::all && ::fchmod(made.get(), 0644) != 0)
        return last_error();
    if (::fsync(made.get()) != 0)
        return last_error();
    return sync_folder(folder_of(file));
}

error_code give_to_owner_of(const fs::path& whose, const fs::path& file)
{
    const handle made(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!made)
        return last_error();
    return give_to_owner_of(whose, made.get());
}

std::string owner_of(const fs::path& file)
{
    struct stat found {};
    return ::stat(file.c_str(), &found) == 0 ? name_of(found.st_uid) : std::string();
}

std::string own_user()
{
    return name_of(::geteuid());
}

bool is_root()
{
    return ::geteuid() == 0;
}

bool may_use(const fs::path& folder)
{
    return ::access(folder.c_str(), R_OK | W_OK | X_OK) == 0;
}

fs::path closed_file_in(const fs::path& folder)
{
    std::error_code ec;
    for (fs::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec))
        if (::access(at->path().c_str(), R_OK | W_OK) != 0 && errno == EACCES)
            return at->path();
    return {};
}

fs::path file_closed_to_owner_of(const fs::path& folder)
{
    std::error_code ec;
    for (fs::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec))
        if (closed_to_owner_of(folder, at->path()))
            return at->path();
    return {};
}

error_code move_synced(const fs::path& from, const fs::path& to)
{
    if (::rename(from.c_str(), to.c_str()) != 0)
        return last_error();
    return sync_folder(folder_of(to));
}

error_code remove_synced(const fs::path& file)
{
    if (::unlink(file.c_str()) != 0)
        return errno == ENOENT ? error_code() : last_error();
    return sync_folder(folder_of(file));
}

error_code check_writable(const fs::path& folder)
{
    auto name = (folder / ".writable-XXXXXX").string();
    const handle made(::mkostemp(name.data(), O_CLOEXEC));
    if (!made)
        return last_error();
    ::unlink(name.c_str());
    return {};
}

bool closed_to_owner_of(const fs::path& folder, const fs::path& file)
{
    struct stat owner {};
    if (file.lexically_normal().native().starts_with("/run/credentials/") ||
        ::stat(folder.c_str(), &owner) != 0 || owner.st_uid == 0)
        return false;
    const auto closed = [&](const fs::path& p, mode_t others) {
        struct stat found {};
        return ::stat(p.c_str(), &found) == 0 && found.st_uid != owner.st_uid &&
               (found.st_mode & others) == 0;
    };
    std::error_code ec;
    const auto real = fs::canonical(file, ec);
    if (ec)
        return false;
    if (closed(real, S_IRGRP | S_IROTH))
        return true;
    for (auto above = real.parent_path(); above.has_relative_path(); above = above.parent_path())
        if (closed(above, S_IXGRP | S_IXOTH))
            return true;
    return false;
}

result<folder_guard> folder_guard::take(const fs::path& folder)
{
    const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0)
        return last_error();
    folder_guard guard(opened);
    while (::flock(opened, LOCK_EX) != 0)
        if (errno != EINTR)
            return last_error();
    return guard;
}

folder_guard::~folder_guard()
{
    if (handle_ >= 0)
        ::close(handle_);
}

} // namespace relay::platform
