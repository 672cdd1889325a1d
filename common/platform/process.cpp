#include "common/platform/process.hpp"

#include "common/text/repair.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace relay::platform {

std::string_view os_name() noexcept
{
    return "linux";
}

std::string host_name()
{
    std::array<char, 256> name{}; // HOST_NAME_MAX is 64
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0')
        return "localhost";
    return to_utf8(name.data());
}

bool files_run_out()
{
    // A look-up opens a handful, and gives them back before it fails.
    std::array<int, 8> spare{};
    spare.fill(-1);
    bool run_out = false;
    for (auto one = spare.begin(); one != spare.end() && !run_out; ++one) {
        *one = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        run_out = *one < 0 && (errno == EMFILE || errno == ENFILE);
    }
    for (const int one : spare)
        if (one >= 0)
            ::close(one);
    return run_out;
}

error_code harden_process()
{
    ::umask(0077);
    std::signal(SIGPIPE, SIG_IGN);
    ::unsetenv("SSLKEYLOGFILE"); // libcurl would write the keys of its TLS sessions there
    const ::rlimit none{0, 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return {errno, boost::system::system_category()};
    return {};
}

} // namespace relay::platform
