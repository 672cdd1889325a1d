#include "common/platform/standard_error.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace relay::platform {

error_code write_to_standard_error(std::string_view text)
{
    while (!text.empty()) {
        const auto written = ::write(STDERR_FILENO, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) { // somebody who shares it made it so
            pollfd writable{STDERR_FILENO, POLLOUT, 0};
            ::poll(&writable, 1, -1);
        } else if (errno != EINTR) {
            return {errno, boost::system::system_category()};
        }
    }
    return {};
}

} // namespace relay::platform
