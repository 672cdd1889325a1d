// Preloaded into the agent: what a machine is like before its network is up. The file named by RELAY_BROKEN_NETWORK says what
// does not work, and a test may change it at any time: "names" (no name is found) or "route" (no host is reached).
// RELAY_TEST_HOST_NAME is what the machine is called.
#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <string>

namespace {

bool broken(const char* what)
{
    const char* file = std::getenv("RELAY_BROKEN_NETWORK");
    std::string word;
    return file && std::ifstream(file) >> word && word == what;
}

using host_name_call = int (*)(char*, std::size_t);
using look_up = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
using connect_call = int (*)(int, const sockaddr*, socklen_t);

} // namespace

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** out)
{
    static const auto real = reinterpret_cast<look_up>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    return broken("names") ? EAI_AGAIN : real(name, service, hints, out);
}

extern "C" int connect(int socket, const sockaddr* where, socklen_t length)
{
    static const auto real = reinterpret_cast<connect_call>(::dlsym(RTLD_NEXT, "connect"));
    const bool internet = where->sa_family == AF_INET || where->sa_family == AF_INET6;
    if (internet && broken("route")) {
        errno = ENETUNREACH;
        return -1;
    }
    return real(socket, where, length);
}

extern "C" int gethostname(char* name, std::size_t size)
{
    static const auto real = reinterpret_cast<host_name_call>(::dlsym(RTLD_NEXT, "gethostname"));
    const char* wanted = std::getenv("RELAY_TEST_HOST_NAME");
    if (!wanted)
        return real(name, size);
    std::strncpy(name, wanted, size);
    return 0;
}
