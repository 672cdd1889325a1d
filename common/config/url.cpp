#include "common/config/url.hpp"

#include "common/text/text.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <charconv>

namespace relay::config {
namespace {

namespace urls = boost::urls;

constexpr std::size_t longest_url = 2048;

std::string plain_host(const urls::url_view& url)
{
    if (url.host_type() == urls::host_type::ipv6)
        return url.host_ipv6_address().to_string();
    return std::string(url.encoded_host());
}

std::optional<std::uint16_t> parse_port(std::string_view text)
{
    unsigned value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || value > 65535)
        return std::nullopt;
    return static_cast<std::uint16_t>(value);
}

// The port of `url`, or the scheme's own; nothing where it is no port number.
std::optional<std::uint16_t> port_of(const urls::url_view& url, std::uint16_t usual)
{
    if (!url.has_port() || url.port().empty())
        return usual;
    const auto port = parse_port(url.port());
    return port && *port != 0 ? port : std::nullopt;
}

bool usable_host(std::string_view host)
{
    return !host.empty() && host.size() <= 255 && host.find_first_of("%\\ ") == host.npos;
}

} // namespace

std::optional<url_parts> split_url(std::string_view text)
{
    if (text.size() > longest_url)
        return std::nullopt;
    const auto url = urls::parse_uri(text);
    if (!url || !url->has_authority() || url->has_userinfo() || url->has_fragment())
        return std::nullopt;
    url_parts parts;
    parts.scheme = ascii_lower(std::string_view(url->scheme()));
    const bool tls = parts.scheme == "https" || parts.scheme == "wss";
    if (!tls && parts.scheme != "http" && parts.scheme != "ws")
        return std::nullopt;
    parts.host = plain_host(*url);
    const auto port = port_of(*url, tls ? 443 : 80);
    if (!usable_host(parts.host) || !port)
        return std::nullopt;
    parts.port = *port;
    parts.target = std::string(url->encoded_target());
    if (!parts.target.starts_with('/'))
        parts.target.insert(0, "/");
    return parts;
}

std::optional<proxy_settings> parse_proxy_url(std::string_view text)
{
    if (text.size() > longest_url)
        return std::nullopt;
    const auto whole = text.find("://") == text.npos ? "http://" + std::string(text) : std::string(text);
    const auto url = urls::parse_uri(whole);
    if (!url || !url->has_authority() || url->has_query() || url->has_fragment() ||
        !(url->encoded_path().empty() || url->encoded_path() == "/") ||
        ascii_lower(std::string_view(url->scheme())) != "http")
        return std::nullopt;
    proxy_settings proxy;
    proxy.mode = proxy_mode::fixed;
    proxy.host = plain_host(*url);
    const auto port = port_of(*url, 80);
    if (!usable_host(proxy.host) || !port)
        return std::nullopt;
    proxy.port = *port;
    proxy.username = url->user();
    std::string password = url->password();
    proxy.password = secret::take(password);
    // RFC 7617 ends the user at the first colon; a line break would end the header they are sent in.
    const auto unusable = [](std::string_view s) {
        return s.find_first_of(std::string_view("\r\n\0", 3)) != s.npos;
    };
    if (proxy.username.find(':') != std::string::npos || unusable(proxy.username) ||
        unusable(proxy.password.reveal()) || (proxy.username.empty() && !proxy.password.empty()))
        return std::nullopt;
    return proxy;
}

std::optional<loopback_endpoint> parse_loopback_endpoint(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == text.npos)
        return std::nullopt;
    auto host = text.substr(0, colon);
    const auto port = parse_port(text.substr(colon + 1));
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    if (ascii_iequals(host, "localhost"))
        host = "127.0.0.1";
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(std::string(host), ec);
    if (ec || !port || !address.is_loopback() || address.is_v6() != bracketed)
        return std::nullopt;
    return loopback_endpoint{address.to_string(), *port};
}

} // namespace relay::config
