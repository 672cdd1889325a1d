#include "agent/uplink/proxy_choice.hpp"

#include "common/text/text.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <charconv>

namespace relay::uplink {
namespace {

namespace asio = boost::asio;

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

bool may_sign_in_by(std::string_view scheme, const proxy_rule& rule, const proxy_url& proxy)
{
    const bool named = std::ranges::find(rule.auth, scheme) != rule.auth.end();
    if (scheme != "basic")
        return named || rule.auth.empty();
    return !proxy.password.empty() && (named || (rule.auth.empty() && proxy.encrypted));
}

boost::system::result<std::optional<proxy_url>, bad_url>
choose_proxy(const proxy_rule& rule, const web_url& target, const environment& read)
{
    if (rule.how == proxy_rule::mode::direct)
        return std::optional<proxy_url>();
    if (rule.how == proxy_rule::mode::fixed)
        return std::optional<proxy_url>(rule.address);
    const auto either = [&](const char* lower, const char* upper) {
        auto value = read ? read(lower) : std::string();
        return value.empty() && read ? read(upper) : value;
    };
    const auto url = either("https_proxy", "HTTPS_PROXY");
    if (url.empty() || bypasses_proxy(either("no_proxy", "NO_PROXY"), target.host, target.port))
        return std::optional<proxy_url>();
    auto proxy = parse_proxy_url(url);
    if (proxy.has_error())
        return bad_url{"HTTPS_PROXY in the environment cannot be used: " + proxy.error().message};
    return std::optional<proxy_url>(*std::move(proxy));
}

} // namespace relay::uplink
