// Preloaded into the agent: what a machine is like before its network is up. The file named by RELAY_BROKEN_NETWORK says what
// does not work, and a test may change it at any time: "names" (no name is found) or "route" (no host is reached).
// RELAY_TEST_HOST_NAME is what the machine is called.
// RELAY_TWO_ADDRESSES: "localhost" and "elsewhere.invalid" are these, in this order: "127.0.0.2,127.0.0.1".
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
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

namespace {

// The answers for each of `addresses`, one list. The library frees an entry at a time, so that lists can be joined.
int look_up_all(look_up real, std::string addresses, const char* service, const addrinfo* hints,
                addrinfo** out)
{
    auto** end = out;
    *end = nullptr;
    while (!addresses.empty()) {
        const auto comma = std::min(addresses.find(','), addresses.size());
        if (const int failed = real(addresses.substr(0, comma).c_str(), service, hints, end))
            return failed;
        while (*end)
            end = &(*end)->ai_next;
        addresses.erase(0, comma + 1);
    }
    return 0;
}

} // namespace

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** out)
{
    static const auto real = reinterpret_cast<look_up>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    if (broken("names"))
        return EAI_AGAIN;
    const char* const several = std::getenv("RELAY_TWO_ADDRESSES");
    if (several && name && (std::string(name) == "localhost" || std::string(name) == "elsewhere.invalid"))
        return look_up_all(real, several, service, hints, out);
    return real(name, service, hints, out);
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
