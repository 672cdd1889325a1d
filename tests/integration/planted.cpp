#include "tests/integration/planted.hpp"

#include "common/text/text.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <fstream>
#include <iterator>

namespace relay::test {
namespace {

namespace fs = std::filesystem;

std::string hex(std::string_view bytes, const char* digit_pair)
{
    std::string out;
    for (const char c : bytes)
        out += fmt::format(fmt::runtime(digit_pair), static_cast<unsigned char>(c));
    return out;
}

std::string percent(std::string_view bytes, const char* digit_pair, std::string_view blank)
{
    std::string out;
    for (const char c : bytes) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view("-._~").find(c) != std::string_view::npos;
        if (c == ' ')
            out += blank;
        else
            out += plain ? std::string(1, c) : "%" + hex({&c, 1}, digit_pair);
    }
    return out;
}

// Base64 of `text` as it stands inside of a longer one, with `before` bytes in front: the characters that depend on
// nothing else.
std::string base64_inside(std::string_view text, std::size_t before)
{
    const auto coded = to_base64(std::string(before, 'x') + std::string(text));
    const auto first = (before * 8 + 5) / 6;
    const auto last = (before + text.size()) * 8 / 6;
    return coded.substr(first, last - first);
}

std::vector<char32_t> code_points_of(std::string_view utf8)
{
    std::vector<char32_t> out;
    for (std::size_t i = 0; i < utf8.size();) {
        const auto lead = static_cast<unsigned char>(utf8[i]);
        const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        char32_t point = length == 1 ? lead : lead & (0x7fU >> length);
        for (std::size_t k = 1; k < length; ++k)
            point = point << 6 | (static_cast<unsigned char>(utf8[i + k]) & 0x3fU);
        out.push_back(point);
        i += length;
    }
    return out;
}

std::string utf16(std::string_view text, bool little)
{
    std::string out;
    for (const auto point : code_points_of(text)) { // the tests plant nothing beyond the first plane
        const auto low = static_cast<char>(point & 0xff), high = static_cast<char>(point >> 8 & 0xff);
        out += little ? low : high;
        out += little ? high : low;
    }
    return out;
}

std::string xml(std::string_view text)
{
    std::string out;
    for (const char c : text)
        out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
    return out;
}

} // namespace

std::vector<std::string> guises(std::string_view text)
{
    std::vector<std::string> bytes{std::string(text),      base64_inside(text, 0), base64_inside(text, 1),
                                   base64_inside(text, 2), hex(text, "{:02x}"),    hex(text, "{:02X}"),
                                   hex(text, "{:02x} "),   hex(text, "{:02x}:")};
    if (!is_utf8(text))
        return bytes;
    const auto quoted = boost::json::serialize(boost::json::value(boost::json::string(text)));
    std::vector<std::string> all{percent(text, "{:02X}", "%20"),
                                 percent(text, "{:02x}", "%20"),
                                 percent(text, "{:02X}", "+"),
                                 percent(text, "{:02x}", "+"),
                                 quoted.substr(1, quoted.size() - 2),
                                 xml(text),
                                 utf16(text, true),
                                 utf16(text, false)};
    all.insert(all.end(), bytes.begin(), bytes.end());
    const auto wide = utf16(text, true);
    for (std::size_t before = 0; before < 3; ++before)
        all.push_back(base64_inside(wide, before));
    return all;
}

std::vector<std::string> found_in(std::string_view text, const std::map<std::string, std::string>& secrets)
{
    std::vector<std::string> found;
    for (const auto& [name, secret] : secrets)
        for (const auto& guise : guises(secret))
            if (const auto at = text.find(guise); at != text.npos) {
                found.push_back(fmt::format("{} as {}, at {}", name, guise, at));
                break;
            }
    return found;
}

std::map<std::string, std::string> files_below(const fs::path& folder)
{
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file()) {
            std::ifstream in(entry.path(), std::ios::binary);
            all[entry.path().string()].assign(std::istreambuf_iterator<char>(in), {});
        }
    return all;
}

} // namespace relay::test
