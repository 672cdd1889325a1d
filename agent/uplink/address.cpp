#include "agent/uplink/address.hpp"

#include "common/text/text.hpp"

#include <boost/throw_exception.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace relay::uplink {
namespace {

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

std::string basic_authorization(std::string_view user, std::string_view password)
{
    return "Basic " + to_base64(std::string(user) + ":" + std::string(password));
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
    proxy_address proxy{at->host, at->port, {}};
    if (url->has_userinfo()) {
        const std::string user(url->user()), password(url->password()); // decoded
        if (user.find(':') != user.npos)
            return bad_address{"its user name holds a colon, which Basic sign-in cannot carry"};
        proxy.authorization = basic_authorization(user, password);
    }
    return proxy;
}

bool bypasses_proxy(std::string_view no_proxy, std::string_view host, std::uint16_t port)
{
    host = without_dots(host);
    while (!no_proxy.empty()) {
        const auto end = no_proxy.find_first_of(", \t");
        auto entry = no_proxy.substr(0, end);
        no_proxy.remove_prefix(end == no_proxy.npos ? no_proxy.size() : end + 1);
        if (entry == "*")
            return true;
        std::string_view entry_port;
        split_port(entry, entry_port);
        entry = without_dots(entry);
        if (entry.empty() || (!entry_port.empty() && entry_port != std::to_string(port)))
            continue;
        if (ascii_iequals(entry, host))
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
