#include "agent/uplink/address.hpp"

#include "common/text/text.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/throw_exception.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace relay::uplink {
namespace {

namespace asio = boost::asio;
namespace urls = boost::urls;

std::string join(const std::string& host, std::uint16_t port)
{
    const bool v6 = host.find(':') != host.npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

// Printable ASCII without blanks: a host never holds anything else, and it goes into requests and logs as it is.
bool is_host(std::string_view host)
{
    return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-' || c == '_' || c == ':' || c == '%';
    });
}

struct location {
    std::string host;
    std::uint16_t port;
};

boost::system::result<location, bad_address> host_and_port(const urls::url_view& url,
                                                           std::uint16_t usual_port)
{
    location at{std::string(url.host_address()), usual_port};
    if (!is_host(at.host))
        return bad_address{"it names no host"};
    const std::string_view port(url.port().data(), url.port().size());
    if (port.empty())
        return at;
    // Not url.port_number(): it takes 99999 for 34463.
    const auto [end, bad] = std::from_chars(port.data(), port.data() + port.size(), at.port);
    if (bad != std::errc() || end != port.data() + port.size() || at.port == 0)
        return bad_address{"its port is not between 1 and 65535"};
    return at;
}

boost::system::result<cloud_address, bad_address> parse_url_of(std::string_view scheme, std::string_view text)
{
    const auto url = urls::parse_uri(text);
    if (!url.has_value())
        return bad_address{"it is not a URL"};
    if (!ascii_iequals(std::string_view(url->scheme()), scheme))
        return bad_address{"it must start with " + std::string(scheme) + "://"};
    if (url->has_userinfo() || url->has_fragment())
        return bad_address{"it must hold no user name, password or fragment"};
    const auto at = host_and_port(*url, 443);
    if (at.has_error())
        return at.error();
    cloud_address address{at->host, at->port, std::string(std::string_view(url->encoded_target()))};
    if (!address.target.starts_with('/'))
        address.target.insert(0, "/");
    return address;
}

std::string_view without_dots(std::string_view host)
{
    while (host.starts_with('.'))
        host.remove_prefix(1);
    while (host.ends_with('.'))
        host.remove_suffix(1);
    return host;
}

// Takes "host:port", "[v6]:port", "[v6]" or a bare host apart; a bare IPv6 literal has no port.
void split_port(std::string_view& entry, std::string_view& port)
{
    if (entry.starts_with('[')) {
        const auto end = entry.find(']');
        if (end == entry.npos)
            return;
        const auto rest = entry.substr(end + 1);
        entry = entry.substr(1, end - 1);
        if (rest.starts_with(':'))
            port = rest.substr(1);
        return;
    }
    const auto colon = entry.find(':');
    if (colon == entry.npos || entry.find(':', colon + 1) != entry.npos)
        return;
    port = entry.substr(colon + 1);
    entry = entry.substr(0, colon);
}

// The address that `text` is, with IPv4 in its IPv6 clothes undressed; nothing where it is a name.
std::optional<asio::ip::address> address_from(std::string_view text)
{
    boost::system::error_code ec;
    auto address = asio::ip::make_address(std::string(text), ec);
    if (ec.failed())
        return std::nullopt;
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    return address;
}

// "10.0.0.0/8" or "fd00::/8" around `host`.
bool range_holds(std::string_view range, const asio::ip::address& host)
{
    const auto slash = range.find('/');
    const auto base = address_from(range.substr(0, slash));
    const auto length = range.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, bad] = std::from_chars(length.data(), length.data() + length.size(), bits);
    if (!base || bad != std::errc() || end != length.data() + length.size() || base->is_v4() != host.is_v4())
        return false;
    const auto inside = [bits](const auto& a, const auto& b) {
        if (bits > a.size() * 8)
            return false;
        for (std::size_t i = 0; i < a.size() && i * 8 < bits; ++i) {
            const auto here = std::min(8U, bits - static_cast<unsigned>(i) * 8);
            const auto mask = static_cast<unsigned>(0xff00U >> here) & 0xffU;
            if ((a[i] & mask) != (b[i] & mask))
                return false;
        }
        return true;
    };
    return host.is_v4() ? inside(base->to_v4().to_bytes(), host.to_v4().to_bytes())
                        : inside(base->to_v6().to_bytes(), host.to_v6().to_bytes());
}

bool is_address_literal(std::string_view host)
{
    return host.find(':') != host.npos ||
           std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

} // namespace

void throw_exception_from_error(const bad_address& f, const boost::source_location& where)
{
    boost::throw_exception(std::logic_error("unchecked address: " + f.message), where);
}

std::string cloud_address::authority() const
{
    return join(host, port);
}

std::string proxy_address::authority() const
{
    return join(host, port);
}

secret basic_authorization(std::string_view user, const secret& password)
{
    std::string plain(user);
    plain.append(":").append(password.reveal());
    std::string coded = to_base64(plain);
    wipe(plain);
    std::string header = "Basic " + coded;
    wipe(coded);
    return secret::take(header);
}

boost::system::result<cloud_address, bad_address> parse_cloud_url(std::string_view text)
{
    return parse_url_of("wss", text);
}

boost::system::result<cloud_address, bad_address> parse_https_url(std::string_view text)
{
    return parse_url_of("https", text);
}

boost::system::result<proxy_address, bad_address> parse_proxy_url(std::string_view text)
{
    const auto full = text.find("://") == text.npos ? "http://" + std::string(text) : std::string(text);
    const auto url = urls::parse_uri(full);
    if (!url.has_value())
        return bad_address{"it is not a URL (a special character in the password must be written as %XX)"};
    if (!ascii_iequals(std::string_view(url->scheme()), "http"))
        return bad_address{"only http:// proxies are supported"};
    const auto at = host_and_port(*url, 80);
    if (at.has_error())
        return at.error();
    proxy_address proxy{at->host, at->port, {}, {}};
    if (url->has_userinfo()) {
        proxy.username = url->user(); // decoded
        std::string password = url->password();
        proxy.password = secret::take(password);
        if (proxy.username.find(':') != std::string::npos)
            return bad_address{"its user name holds a colon, which Basic sign-in cannot carry"};
    }
    return proxy;
}

bool bypasses_proxy(std::string_view no_proxy, std::string_view host, std::uint16_t port)
{
    host = without_dots(host);
    const auto address = address_from(host);
    while (!no_proxy.empty()) {
        const auto end = no_proxy.find_first_of(", \t");
        auto entry = no_proxy.substr(0, end);
        no_proxy.remove_prefix(end == no_proxy.npos ? no_proxy.size() : end + 1);
        if (entry == "*")
            return true;
        if (entry.find('/') != entry.npos) {
            if (address && range_holds(entry, *address))
                return true;
            continue;
        }
        std::string_view entry_port;
        split_port(entry, entry_port);
        if (entry.starts_with("*."))
            entry.remove_prefix(1);
        entry = without_dots(entry);
        if (entry.empty() || (!entry_port.empty() && entry_port != std::to_string(port)))
            continue;
        if (ascii_iequals(entry, host) || (address && address_from(entry) == address))
            return true;
        // "corp.example" covers "relay.corp.example", never "mycorp.example"; addresses have no suffixes.
        if (!is_address_literal(host) && host.size() > entry.size() &&
            host[host.size() - entry.size() - 1] == '.' &&
            ascii_iequals(host.substr(host.size() - entry.size()), entry))
            return true;
    }
    return false;
}

boost::system::result<std::optional<proxy_address>, bad_address>
choose_proxy(const proxy_rule& rule, const cloud_address& target, const environment& read)
{
    if (rule.how == proxy_rule::mode::direct)
        return std::optional<proxy_address>();
    if (rule.how == proxy_rule::mode::fixed)
        return std::optional<proxy_address>(rule.address);
    const auto either = [&](const char* lower, const char* upper) {
        auto value = read ? read(lower) : std::string();
        return value.empty() && read ? read(upper) : value;
    };
    const auto url = either("https_proxy", "HTTPS_PROXY");
    if (url.empty() || bypasses_proxy(either("no_proxy", "NO_PROXY"), target.host, target.port))
        return std::optional<proxy_address>();
    auto proxy = parse_proxy_url(url);
    if (proxy.has_error())
        return bad_address{"HTTPS_PROXY in the environment cannot be used: " + proxy.error().message};
    return std::optional<proxy_address>(*std::move(proxy));
}

} // namespace relay::uplink
