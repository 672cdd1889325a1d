#include "agent/protocol/fields.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace relay::protocol {
namespace {

bool is_id_char(char c) noexcept
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == ':' || c == '-';
}

// The raw text of the string that begins at text[at] == '"', moving `at` past it; to the end where it does
// not end.
std::string_view take_string(std::string_view text, std::size_t& at) noexcept
{
    const auto begin = ++at;
    while (at < text.size() && text[at] != '"')
        at += text[at] == '\\' ? 2 : 1;
    const auto end = std::min(at, text.size());
    at = end + 1;
    return text.substr(begin, end - begin);
}

void skip_blanks(std::string_view text, std::size_t& at) noexcept
{
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
        ++at;
}

} // namespace

bool is_id(std::string_view text, std::size_t longest) noexcept
{
    return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), is_id_char);
}

bool is_ascii(std::string_view text) noexcept
{
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::optional<std::int64_t> as_integer(const boost::json::value& v) noexcept
{
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    if (const auto* i = v.if_int64())
        return *i;
    if (const auto* u = v.if_uint64())
        return *u > static_cast<std::uint64_t>(most) ? most : static_cast<std::int64_t>(*u);
    const auto* d = v.if_double();
    if (!d || !std::isfinite(*d) || std::trunc(*d) != *d)
        return std::nullopt;
    constexpr double edge = 9223372036854775808.0; // 2^63
    if (*d >= edge)
        return most;
    return *d < -edge ? least : static_cast<std::int64_t>(*d);
}

std::string salvage_id(std::string_view frame)
{
    std::size_t depth = 0;
    for (std::size_t at = 0; at < frame.size();) {
        const char c = frame[at];
        if (c != '"') {
            if (c == '{' || c == '[')
                ++depth;
            else if ((c == '}' || c == ']') && depth > 0)
                --depth;
            ++at;
            continue;
        }
        const auto name = take_string(frame, at);
        if (depth != 1 || name != "id")
            continue;
        skip_blanks(frame, at);
        if (at >= frame.size() || frame[at] != ':')
            continue; // a value, not a name
        ++at;
        skip_blanks(frame, at);
        if (at >= frame.size() || frame[at] != '"')
            return {};
        const auto id = take_string(frame, at);
        // at is past the closing quote; an id that the frame's end cut off is not one.
        return at <= frame.size() && is_id(id, longest_command_id) ? std::string(id) : std::string();
    }
    return {};
}

} // namespace relay::protocol
