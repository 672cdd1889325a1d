#include "common/url/url.hpp"

#include "common/text/text.hpp"

#include <boost/throw_exception.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace relay {
namespace {

namespace urls = boost::urls;

// A host goes into requests and logs as it is. It holds nothing else, so no escape can hide a second line or a path in it.
bool is_host(std::string_view host)
{
    constexpr std::size_t longest = 253; // RFC 1035, 2.3.4, without the last dot
    return !host.empty() && host.size() <= longest && std::ranges::all_of(host, [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-' || c == '_';
    });
}

// Empty if it is none.
std::string host_of(const urls::url_view& url)
{
    if (url.host_type() == urls::host_type::ipv6)
        return url.host_ipv6_address().to_string();
    std::string host(std::string_view(url.encoded_host()));
    return is_host(host) ? host : std::string();
}

struct location {
    std::string host;
    std::uint16_t port;
};

boost::system::result<location, bad_url> location_of(const urls::url_view& url, std::uint16_t usual_port)
{
    location at{host_of(url), usual_port};
    if (at.host.empty())
        return bad_url{"it names no host"};
    const std::string_view port(url.port().data(), url.port().size());
    if (port.empty())
        return at;
    // Not url.port_number(): it takes 99999 for 34463.
    const auto [end, bad] = std::from_chars(port.data(), port.data() + port.size(), at.port);
    if (bad != std::errc() || end != port.data() + port.size() || at.port == 0)
        return bad_url{"its port is not between 1 and 65535"};
    return at;
}

// A line break would end the header that it is sent in.
bool fits_a_header(std::string_view text)
{
    return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos;
}

} // namespace

void throw_exception_from_error(const bad_url& f, const boost::source_location& where)
{
    boost::throw_exception(std::logic_error("unchecked URL: " + f.message), where);
}

std::string authority_of(std::string_view host, std::uint16_t port)
{
    const bool v6 = host.find(':') != host.npos;
    return (v6 ? '[' + std::string(host) + ']' : std::string(host)) + ':' + std::to_string(port);
}

boost::system::result<web_url, bad_url> parse_web_url(std::string_view text)
{
    const auto url = urls::parse_uri(text.substr(0, longest_url + 1));
    if (text.size() > longest_url || !url.has_value() || !url->has_authority())
        return bad_url{"it is not a URL"};
    // Boost.URL 1.81 takes "https://host:x" for a host with the path "x".
    if (const std::string_view path = url->encoded_path(); !path.empty() && !path.starts_with('/'))
        return bad_url{"its port is not between 1 and 65535"};
    web_url parts;
    parts.scheme = ascii_lower(std::string_view(url->scheme()));
    if (!parts.encrypted() && parts.scheme != "http" && parts.scheme != "ws")
        return bad_url{"it is no https:// or wss:// URL"};
    if (url->has_userinfo() || url->has_fragment())
        return bad_url{"it must hold no user name, password or fragment"};
    auto at = location_of(*url, parts.encrypted() ? 443 : 80);
    if (at.has_error())
        return at.error();
    parts.host = std::move(at->host);
    parts.port = at->port;
    parts.target = std::string(std::string_view(url->encoded_target()));
    if (!parts.target.starts_with('/'))
        parts.target.insert(0, "/");
    return parts;
}

boost::system::result<web_url, bad_url> parse_web_url(std::string_view text, std::string_view scheme)
{
    auto url = parse_web_url(text);
    if (url.has_value() && url->scheme != scheme)
        return bad_url{"it must start with " + std::string(scheme) + "://"};
    return url;
}

boost::system::result<proxy_url, bad_url> parse_proxy_url(std::string_view text)
{
    const auto whole = text.find("://") == text.npos ? "http://" + std::string(text) : std::string(text);
    const auto url = urls::parse_uri(whole);
    if (text.size() > longest_url || !url.has_value() || !url->has_authority())
        return bad_url{"it is not a URL (a special character in the password must be written as %XX)"};
    const bool encrypted = ascii_iequals(std::string_view(url->scheme()), "https");
    if (!encrypted && !ascii_iequals(std::string_view(url->scheme()), "http"))
        return bad_url{"it must begin with http:// or https://"};
    if (url->has_query() || url->has_fragment() ||
        !(url->encoded_path().empty() || url->encoded_path() == "/"))
        return bad_url{"it must end with the port"};
    auto at = location_of(*url, encrypted ? 443 : 80);
    if (at.has_error())
        return at.error();
    proxy_url proxy{std::move(at->host), at->port, url->user(), {}, encrypted};
    std::string password = url->password();
    proxy.password = secret::take(password);
    if (proxy.username.find(':') != std::string::npos)
        return bad_url{"its user name holds a colon, which Basic sign-in cannot carry"};
    if (!fits_a_header(proxy.username) || !fits_a_header(proxy.password.reveal()))
        return bad_url{"its user name or password holds a line break"};
    if (proxy.username.empty() && !proxy.password.empty())
        return bad_url{"it holds a password without a user name"};
    return proxy;
}

} // namespace relay
