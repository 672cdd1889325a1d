// Small questions about text from outside: is it UTF-8, can XML 1.0 carry it, how long is it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace relay {

// True where `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
bool is_utf8(std::string_view text) noexcept;

// True where `text` is UTF-8 made only of characters that XML 1.0 allows (section 2.2, production Char).
bool is_xml_text(std::string_view text) noexcept;

// Code points in `text`, which must be UTF-8. Limits in PROTOCOL.md are counted in these.
std::size_t code_points(std::string_view text) noexcept;

// `text` cut to at most `limit` bytes, never inside a code point.
std::string_view utf8_prefix(std::string_view text, std::size_t limit) noexcept;

std::string ascii_lower(std::string_view text);
std::string ascii_upper(std::string_view text);
bool ascii_iequals(std::string_view a, std::string_view b) noexcept;
std::string_view trim(std::string_view text) noexcept;

// With &, <, > and " as XML and HTML have them in a text or in an attribute.
std::string markup_escaped(std::string_view text);

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);
std::string to_hex(std::string_view bytes);
std::string sha256(std::string_view bytes); // 32 raw bytes

// True where `text` matches `pattern`, in which '*' stands for any run of characters. Both are compared as they are.
bool matches_wildcard(std::string_view pattern, std::string_view text) noexcept;

// The entry of `names` nearest to `wrong` by edit distance, or nothing where none is near enough to be meant.
template <class Range>
std::optional<std::string_view> nearest_name(std::string_view wrong, const Range& names);
std::size_t edit_distance(std::string_view a, std::string_view b);

template <class Range>
std::optional<std::string_view> nearest_name(std::string_view wrong, const Range& names)
{
    std::optional<std::string_view> best;
    std::size_t best_distance = wrong.size() / 2 + 2;
    for (const auto& name : names)
        if (const auto distance = edit_distance(wrong, name); distance < best_distance) {
            best_distance = distance;
            best = name;
        }
    return best;
}

} // namespace relay
