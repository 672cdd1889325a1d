#include "common/text/repair.hpp"

#include "common/text/text.hpp"

#include <algorithm>

namespace relay {

std::string to_utf8(std::string_view text)
{
    constexpr std::string_view replacement = "\xef\xbf\xbd";
    constexpr std::size_t longest = 4;
    if (is_utf8(text))
        return std::string(text);
    std::string out;
    while (!text.empty()) {
        std::size_t length = std::min(longest, text.size());
        while (length > 0 && !(is_utf8(text.substr(0, length))))
            --length;
        out += length > 0 ? text.substr(0, length) : replacement;
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

} // namespace relay
