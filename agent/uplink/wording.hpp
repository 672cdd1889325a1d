// Text from the peer as it may stand in a log line or on the status page.
#pragma once

#include "common/text/text.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace relay::uplink {

// At most 200 bytes of `text` on one line: control characters (also what a terminal would obey) become '?'.
inline std::string printable(std::string_view text)
{
    if (!is_utf8(text))
        return "(unreadable text)";
    std::string shown(utf8_prefix(text, 200));
    std::ranges::replace_if(
        shown, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    return shown;
}

} // namespace relay::uplink
