#include "agent/http/connection_cookies.hpp"

#include "common/text/text.hpp"

#include <algorithm>

namespace relay::http {
namespace {

constexpr std::size_t most_cookies = 16;
constexpr std::size_t longest_cookie = 4096; // name and value
constexpr std::string_view of_streams = "X-BackEndOverrideCookie";

// What RFC 6265 lets stand in a cookie, and what goes into a header unharmed.
bool is_plain(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != ';' && c != ','; });
}

std::string_view next_part(std::string_view& rest)
{
    const auto end = std::min(rest.find(';'), rest.size());
    const auto part = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

bool is_for(std::string_view cookie_path, std::string_view path)
{
    if (!cookie_path.starts_with('/')) // RFC 6265, 5.2.4: the default, which holds the path asked for
        return true;
    return ascii_iequals(path.substr(0, cookie_path.size()), cookie_path);
}

} // namespace

void connection_cookies::take(std::string_view set_cookie, std::string_view path)
{
    auto rest = set_cookie;
    const auto pair = next_part(rest);
    const auto equals = pair.find('=');
    if (equals == pair.npos || equals == 0 || pair.size() > longest_cookie)
        return;
    const auto name = trim(pair.substr(0, equals)), value = trim(pair.substr(equals + 1));
    if (!is_plain(name) || !is_plain(value) || ascii_iequals(name, of_streams))
        return;
    bool over = false;
    while (!rest.empty()) {
        const auto part = next_part(rest);
        const auto split = std::min(part.find('='), part.size());
        const auto key = trim(part.substr(0, split));
        const auto what = trim(part.substr(std::min(split + 1, part.size())));
        if (ascii_iequals(key, "path") && !is_for(what, path))
            return;
        // A date in Expires would need the server's clock; a server that takes a cookie back mostly says both.
        over = over || (ascii_iequals(key, "max-age") && (what == "0" || what.starts_with('-')));
    }
    std::erase_if(cookies_, [&](const auto& c) { return c.first == name; });
    if (!over && !value.empty() && cookies_.size() < most_cookies)
        cookies_.emplace_back(name, value);
}

std::string connection_cookies::with(std::string_view own) const
{
    std::string all(own);
    for (const auto& [name, value] : cookies_)
        all.append(all.empty() ? "" : "; ").append(name).append("=").append(value);
    return all;
}

} // namespace relay::http
