// Standard error without the C library's buffer and lock: whoever writes here while another thread hangs is not held up by it.
#pragma once

#include "common/error/error.hpp"

#include <string_view>

namespace relay::platform {

// All of `text`; blocks for as long as its reader does not read. Any thread.
error_code write_to_standard_error(std::string_view text);

} // namespace relay::platform
