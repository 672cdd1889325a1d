#include "common/platform/terminal.hpp"

#include <cstdlib>
#include <string_view>
#include <unistd.h>

namespace relay::platform {

bool output_is_terminal()
{
    const char* kind = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && kind && std::string_view(kind) != "dumb";
}

} // namespace relay::platform
