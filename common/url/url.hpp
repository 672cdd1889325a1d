// URLs as the configuration, the environment and the cloud give them, taken apart and checked once for all.
#pragma once

#include "common/error/error.hpp"
#include "common/secret/secret.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace relay {

inline constexpr std::size_t longest_url = 2048;

// Why a URL cannot be used: one sentence about "it", which does not repeat it, as it may hold a password.
struct bad_url {
    std::string message;
};
[[noreturn]] void throw_exception_from_error(const bad_url& f, const boost::source_location& where);

// "host:port", with brackets around an IPv6 literal.
std::string authority_of(std::string_view host, std::uint16_t port);

struct web_url {
    std::string scheme;       // lower case
    std::string host;         // name or address literal, without brackets
    std::uint16_t port = 443; // the scheme's own (80, 443) if the URL says none
    std::string target = "/"; // path and query

    std::string authority() const { return authority_of(host, port); }
    bool encrypted() const { return scheme == "https" || scheme == "wss"; }

    friend bool operator==(const web_url&, const web_url&) = default;
};

// An absolute http, https, ws or wss URL with a host; no user, password or fragment, and no escapes in the host.
boost::system::result<web_url, bad_url> parse_web_url(std::string_view text);
// The same, with this scheme only.
boost::system::result<web_url, bad_url> parse_web_url(std::string_view text, std::string_view scheme);

struct proxy_url {
    std::string host;        // without brackets
    std::uint16_t port = 80; // the scheme's own (80, 443) if the URL says none
    std::string username;    // percent-decoded: DOMAIN\user, user@domain or user; empty: none is set
    secret password;         // percent-decoded
    bool encrypted = false;  // https://: TLS to the proxy itself

    std::string authority() const { return authority_of(host, port); } // fit for the log

    friend bool operator==(const proxy_url&, const proxy_url&) = default;
};

// http:// or https://[user:password@]host[:port]. "host:port" alone is taken as http://, as proxy variables often have it.
boost::system::result<proxy_url, bad_url> parse_proxy_url(std::string_view text);

} // namespace relay
