#include "agent/doctor/wording.hpp"

#include "common/platform/process.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relay::doctor {
namespace {

std::string firewall_request(const destination& to)
{
    return fmt::format(
        "Ask the firewall team to let {} connect to {}/TCP, outbound and without TLS inspection{}.",
        platform::host_name(), to.server,
        to.proxy_possible ? "; or, where such traffic goes through a proxy, set cloud.proxy" : "");
}

} // namespace

meaning of_name(const error_code& ec, std::string_view host, std::string_view key)
{
    if (ec == asio::error::timed_out || ec == asio::error::host_not_found_try_again ||
        ec == asio::error::no_recovery)
        return {
            "the DNS server of this machine does not answer",
            fmt::format("The administrator of this machine checks its DNS servers (/etc/resolv.conf, "
                        "resolvectl status), the network team that they can be reached. Try: getent hosts {}",
                        host)};
    return {fmt::format("DNS knows no such name as {}", host),
            fmt::format("Check the host in {}; where it is right, the network team has to make it known to "
                        "the DNS servers of this machine. Try: getent hosts {}",
                        key, host)};
}

meaning of_tcp(const error_code& ec, const destination& to)
{
    if (ec == asio::error::connection_refused)
        return {
            fmt::format(
                "{} is there but refuses: nothing listens on that port, or a firewall rejects the connection",
                to.first_hop),
            fmt::format("Check the port in {}. {}", to.key, firewall_request(to))};
    if (ec == asio::error::host_unreachable || ec == asio::error::network_unreachable ||
        ec == asio::error::network_down || ec == asio::error::address_family_not_supported ||
        ec == boost::system::errc::address_not_available)
        return {"there is no route: this machine's network does not lead there",
                fmt::format("The network team checks addresses and routes of this machine (ip route). {}",
                            firewall_request(to))};
    if (ec == asio::error::timed_out)
        return {"nothing came back: a firewall drops the packets, or the machine is off",
                firewall_request(to)};
    if (ec == asio::error::access_denied || ec == boost::system::errc::operation_not_permitted)
        return {"this machine itself does not let the connection out",
                "The administrator of this machine looks at its own firewall (nft list ruleset) and at the "
                "limits of the service (IPAddressDeny in its unit)."};
    return {"the connection failed", firewall_request(to)};
}

bool looks_like_inspection(std::string_view issuer)
{
    static constexpr std::array<std::string_view, 30> marks{
        "zscaler",    "fortinet",     "fortigate",  "palo alto",   "bluecoat", "blue coat",
        "sophos",     "netskope",     "forcepoint", "websense",    "mcafee",   "check point",
        "checkpoint", "barracuda",    "watchguard", "sonicwall",   "squid",    "umbrella",
        "kaspersky",  "eset ssl",     "untangle",   "iboss",       "menlo",    "cato networks",
        "inspection", "interception", "decrypt",    "web gateway", "firewall", "proxy"};
    const auto lower = ascii_lower(issuer);
    return std::ranges::any_of(marks, [&](std::string_view m) { return lower.find(m) != lower.npos; });
}

meaning of_inspection(const tls::certificate_facts& seen, std::string_view server)
{
    return {fmt::format("a firewall or proxy opens TLS on the way to look inside: it shows a certificate "
                        "that \"{}\" signed in place of the server's own",
                        seen.issuer),
            fmt::format(
                "Ask the firewall or proxy team to leave {} out of TLS inspection (\"{}\" signs there). To "
                "trust that issuer here would not help: the connection has to reach the server unopened.",
                server, seen.issuer)};
}

std::string rough(duration length)
{
    using namespace std::chrono;
    const auto off = length < duration::zero() ? -length : length;
    if (off < 2min)
        return fmt::format("{} s", round<seconds>(off).count());
    if (off < 2h)
        return fmt::format("{} min", round<minutes>(off).count());
    if (off < days(2))
        return fmt::format("{} h", round<hours>(off).count());
    return fmt::format("{} days", round<days>(off).count());
}

} // namespace relay::doctor
