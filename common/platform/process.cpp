#include "common/platform/process.hpp"

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
    return name.data();
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
