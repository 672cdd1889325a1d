#include "common/platform/journal.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>

namespace relay::platform {
namespace {

constexpr ::sockaddr_un journal_address{AF_UNIX, "/run/systemd/journal/socket"};

// For the life of the process; the journal is named anew in each datagram, so that a restart of it needs nothing of us.
int journal_socket()
{
    static const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return socket;
}

} // namespace

bool stderr_is_journal()
{
    // "DEVICE:INODE" of the socket; compared, because a child may inherit the variable and have another stderr.
    const char* variable = std::getenv("JOURNAL_STREAM");
    if (!variable)
        return false;
    const std::string_view text(variable);
    const auto colon = text.find(':');
    if (colon == text.npos)
        return false;
    unsigned long long device = 0, inode = 0;
    const auto* end = text.data() + text.size();
    if (std::from_chars(text.data(), text.data() + colon, device).ec != std::errc{} ||
        std::from_chars(text.data() + colon + 1, end, inode).ec != std::errc{})
        return false;
    struct ::stat found {};
    return ::fstat(2, &found) == 0 && found.st_dev == device && found.st_ino == inode;
}

bool journal_takes_fields()
{
    return ::access(journal_address.sun_path, W_OK) == 0 && journal_socket() >= 0;
}

error_code send_to_journal(std::string_view fields)
{
    for (;;) {
        if (::sendto(journal_socket(), fields.data(), fields.size(), MSG_NOSIGNAL,
                     reinterpret_cast<const ::sockaddr*>(&journal_address), sizeof journal_address) >= 0)
            return {};
        if (errno != EINTR)
            return {errno, boost::system::system_category()};
    }
}

} // namespace relay::platform
