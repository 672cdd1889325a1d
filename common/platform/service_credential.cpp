#include "common/platform/service_credential.hpp"

#include "common/platform/run_command.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace relay::platform {
namespace {

constexpr const char* program = "/usr/bin/systemd-creds";
constexpr std::chrono::seconds limit{30};
constexpr std::size_t most_bytes = 256 * 1024;

} // namespace

encryption credential_encryption()
{
    if (::access(program, X_OK) != 0)
        return encryption::absent;
    return ::geteuid() == 0 ? encryption::possible : encryption::needs_root;
}

bool run_by_systemd()
{
    struct ::stat found {}; // sd_booted(3)
    return ::lstat("/run/systemd/system", &found) == 0 && S_ISDIR(found.st_mode);
}

result<std::string> encrypt_credential(const std::string& name, const secret& value)
{
    auto text =
        run_command({program, "encrypt", "--name=" + name, "-", "-"}, limit, most_bytes, value.reveal());
    if (text.has_value() && text->empty())
        return errc::bad_credentials_source;
    return text;
}

} // namespace relay::platform
