#include "common/platform/write_confinement.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace relay::platform {
namespace {

// The kernel's interface, as of its uapi/linux/landlock.h: the header and the C library of an older system lack some of it.
namespace landlock {

constexpr long create_ruleset = 444, add_rule = 445, restrict_self = 446; // the same on all architectures
constexpr unsigned tell_version = 1, path_beneath = 1;

struct ruleset {
    std::uint64_t handled;
};
struct __attribute__((packed)) path_rule {
    std::uint64_t allowed;
    std::int32_t parent;
};

constexpr std::uint64_t write_file = 1u << 1, refer = 1u << 13, truncate = 1u << 14;
constexpr std::uint64_t in_folders = 0x1ff0u; // from REMOVE_DIR to MAKE_SYM

// Rights to write, as far as a kernel with this version of the interface knows them.
constexpr std::uint64_t writing(long version)
{
    return write_file | in_folders | (version >= 2 ? refer : 0) | (version >= 3 ? truncate : 0);
}

} // namespace landlock

class descriptor {
public:
    explicit descriptor(long number) : number_(static_cast<int>(number)) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor()
    {
        if (number_ >= 0)
            ::close(number_);
    }
    int get() const { return number_; }

private:
    int number_;
};

error_code last_error()
{
    return {errno, boost::system::system_category()};
}

// `rights` in `path` and below it. No error where there is nothing of that name, or nothing that can be reached: whoever needs
// it says so in its own words.
error_code allow(const descriptor& rules, const char* path, std::uint64_t rights)
{
    const descriptor place(::open(path, O_PATH | O_CLOEXEC));
    if (place.get() < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? error_code() : last_error();
    const landlock::path_rule rule{rights, place.get()};
    if (::syscall(landlock::add_rule, rules.get(), landlock::path_beneath, &rule, 0) != 0)
        return last_error();
    return {};
}

} // namespace

result<write_confinement> write_only_in(std::span<const std::filesystem::path> folders)
{
    const auto version = ::syscall(landlock::create_ruleset, nullptr, 0, landlock::tell_version);
    if (version < 0) // not built in, not started, or kept from us by a container's filter
        return write_confinement::unknown_to_kernel;
    const auto writing = landlock::writing(version);
    const landlock::ruleset all{writing};
    const descriptor rules(::syscall(landlock::create_ruleset, &all, sizeof all, 0));
    if (rules.get() < 0)
        return last_error();
    for (const auto& folder : folders)
        if (const auto ec = allow(rules, folder.c_str(), writing))
            return ec;
    // Programs that the agent runs throw away there what they have to say; a device has no other rights.
    if (const auto ec = allow(rules, "/dev/null", writing & (landlock::write_file | landlock::truncate)))
        return ec;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(landlock::restrict_self, rules.get(), 0) != 0)
        return last_error();
    return write_confinement::in_force;
}

} // namespace relay::platform
