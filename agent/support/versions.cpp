#include "agent/support/versions.hpp"

#include "common/platform/process.hpp"
#include "common/text/text.hpp"

#include <boost/version.hpp>
#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <spdlog/version.h>
#include <sqlite3.h>
#include <zlib.h>

#ifndef _WIN32
#include <sys/utsname.h>
#endif

#include <fstream>
#include <string>

namespace relay::support {
namespace {

namespace json = boost::json;

// os-release(5)
std::string distribution()
{
    constexpr std::string_view key = "PRETTY_NAME=";
    std::ifstream in("/etc/os-release");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(key)) {
            line.erase(0, key.size());
            std::erase(line, '"');
            return is_utf8(line) ? line : std::string();
        }
    return {};
}

json::object os()
{
    json::object o{{"name", platform::os_name()}, {"distribution", distribution()}};
#ifndef _WIN32
    utsname u{};
    if (::uname(&u) == 0) {
        o["kernel"] = fmt::format("{} {}", &u.sysname[0], &u.release[0]);
        o["machine"] = std::string(&u.machine[0]);
    }
#endif
    return o;
}

} // namespace

json::object versions(std::string_view agent_version)
{
    json::object libraries{
        {"openssl", OpenSSL_version(OPENSSL_VERSION)},
        {"curl", curl_version()},
        {"sqlite", sqlite3_libversion()},
        {"zlib", zlibVersion()},
        {"boost",
         fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)},
        {"spdlog", fmt::format("{}.{}.{}", SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
        {"compiler", __VERSION__}};
    return {{"agent", agent_version}, {"os", os()}, {"libraries", std::move(libraries)}};
}

} // namespace relay::support
