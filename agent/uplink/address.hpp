// Where to dial: the cloud's URL taken apart, and which proxy, if any, stands between.
#pragma once

#include "common/error/error.hpp"
#include "common/secret/secret.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace relay::uplink {

struct cloud_address {
    std::string host; // name or address literal, without brackets
    std::uint16_t port = 443;
    std::string target = "/"; // path and query

    // "host:port", with brackets around an IPv6 literal.
    std::string authority() const;
};

struct proxy_address {
    std::string host; // without brackets
    std::uint16_t port = 80;
    std::string username; // DOMAIN\user, user@domain or user; empty: none is set
    secret password;

    std::string authority() const; // "host:port": fit for the log
};

// The value of Proxy-Authorization for Basic sign-in (RFC 7617). A user name with a colon cannot be carried.
secret basic_authorization(std::string_view user, const secret& password);

// What cloud.proxy says.
struct proxy_rule {
    enum class mode {
        direct,
        environment, // HTTPS_PROXY and NO_PROXY
        fixed,       // the address below, always
    };
    mode how = mode::direct;
    proxy_address address;
};

// Why a setting cannot be used: one sentence that does not repeat the setting, as it may hold a password.
struct bad_address {
    std::string message;
};
[[noreturn]] void throw_exception_from_error(const bad_address& f, const boost::source_location& where);

// A wss:// URL with a host; no user, no fragment.
boost::system::result<cloud_address, bad_address> parse_cloud_url(std::string_view url);
// The same for https://, where the cloud enrols and renews.
boost::system::result<cloud_address, bad_address> parse_https_url(std::string_view url);
// http://[user:password@]host[:port]; user and password are percent-decoded. "host:port" alone is taken as http://.
boost::system::result<proxy_address, bad_address> parse_proxy_url(std::string_view url);

using environment = std::function<std::string(const char*)>;

// The proxy for connecting to `target`, nothing where it is dialled directly. mode::environment: https_proxy or
// HTTPS_PROXY (lower case wins, as in curl), unless no_proxy or NO_PROXY names the target.
boost::system::result<std::optional<proxy_address>, bad_address>
choose_proxy(const proxy_rule& rule, const cloud_address& target, const environment& read);

// Whether `no_proxy` (NO_PROXY's value) names `host`: names between commas or blanks, each with an optional port. A name
// covers its subdomains too, with or without a leading "." or "*."; an address literal can be covered by a range in CIDR
// notation; "*" covers everything. Case does not matter. Names are not looked up: a range covers no name.
bool bypasses_proxy(std::string_view no_proxy, std::string_view host, std::uint16_t port);

} // namespace relay::uplink
