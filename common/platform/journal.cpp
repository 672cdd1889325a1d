#include "common/platform/journal.hpp"

#include <sys/stat.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace relay::platform {

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

} // namespace relay::platform
