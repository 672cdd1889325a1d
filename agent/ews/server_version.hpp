// Which Exchange answered: the numbers of ServerVersionInfo, the product they stand for, and whether we
// support it.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace relay::ews {

struct server_version {
    int major = 0, minor = 0, build = 0, revision = 0;

    // "15.2.1118.7".
    std::string str() const;
    // "Exchange 2019"; "Exchange 15.3" for a release newer than this agent.
    std::string product() const;

    friend auto operator<=>(const server_version&, const server_version&) = default;
};

// Reads "15.1.2507.39", as X-OWA-Version has it; two to four numbers of at most five digits.
std::optional<server_version> parse_server_version(std::string_view dotted);

enum class support { supported, too_old, online };

support support_of(const server_version& v) noexcept;

// True for the host names of Exchange Online, which this agent does not serve.
bool is_exchange_online_host(std::string_view host);

} // namespace relay::ews
