// Text that only should be UTF-8, made so: names that the system gives.
#pragma once

#include <string>
#include <string_view>

namespace relay {

// `text` with U+FFFD in place of every byte that is not part of well-formed UTF-8.
std::string to_utf8(std::string_view text);

} // namespace relay
