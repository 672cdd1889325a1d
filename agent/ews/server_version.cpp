#include "agent/ews/server_version.hpp"

#include "common/text/text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace relay::ews {
namespace {

constexpr int first_build_of_se = 2562; // of 15.2: the Subscription Edition counts on from 2019
constexpr int online_minor = 20;
constexpr std::size_t longest_number = 5;

bool is_or_is_under(std::string_view host, std::string_view domain)
{
    return host == domain || (host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.');
}

} // namespace

std::string server_version::str() const
{
    return fmt::format("{}.{}.{}.{}", major, minor, build, revision);
}

std::string server_version::product() const
{
    if (major == 8)
        return "Exchange 2007";
    if (major == 14)
        return "Exchange 2010";
    if (major == 15 && minor == 0)
        return "Exchange 2013";
    if (major == 15 && minor == 1)
        return "Exchange 2016";
    if (major == 15 && minor == 2)
        return build >= first_build_of_se ? "Exchange SE" : "Exchange 2019";
    if (major == 15 && minor == online_minor)
        return "Exchange Online";
    return fmt::format("Exchange {}.{}", major, minor);
}

std::optional<server_version> parse_server_version(std::string_view dotted)
{
    std::array<int, 4> parts{};
    std::size_t count = 0;
    for (auto rest = trim(dotted); count < parts.size();) {
        const auto dot = rest.find('.');
        const auto number = rest.substr(0, dot);
        const auto [end, ec] = std::from_chars(number.data(), number.data() + number.size(), parts[count]);
        if (number.empty() || number.size() > longest_number || ec != std::errc{} ||
            end != number.data() + number.size() || parts[count] < 0)
            return std::nullopt;
        ++count;
        if (dot == rest.npos)
            break;
        if (count == parts.size())
            return std::nullopt; // a fifth number
        rest.remove_prefix(dot + 1);
    }
    if (count < 2)
        return std::nullopt;
    return server_version{parts[0], parts[1], parts[2], parts[3]};
}

support support_of(const server_version& v) noexcept
{
    if (v.major < 15)
        return support::too_old;
    if (v.major == 15 && v.minor == online_minor)
        return support::online;
    return support::supported;
}

bool is_exchange_online_host(std::string_view host)
{
    auto name = ascii_lower(host);
    while (name.ends_with('.')) // a fully qualified name may end with the root's dot
        name.pop_back();
    for (const std::string_view domain :
         {"office365.com", "outlook.com", "office365.us", "partner.outlook.cn"})
        if (is_or_is_under(name, domain))
            return true;
    return false;
}

} // namespace relay::ews
