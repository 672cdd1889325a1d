// URLs as the configuration and the proxy variables hold them, taken apart and checked.
#pragma once

#include "common/config/settings.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace relay::config {

// An absolute URL with a host; user and password, a fragment, and escapes in the host are refused.
struct url_parts {
    std::string scheme;     // lower case
    std::string host;       // without brackets around an IPv6 address
    std::uint16_t port = 0; // the scheme's own (80, 443) where the URL says none
    std::string target;     // path and query, at least "/"

    friend bool operator==(const url_parts&, const url_parts&) = default;
};

// Nothing where `text` is no such URL, or its scheme is none of http, https, ws, wss.
std::optional<url_parts> split_url(std::string_view text);

// Reads "http://user:password@host:port" (user and password percent-decoded; without "http://" too, as proxy
// variables often have it). Mode fixed; nothing where `text` is no such URL. https:// proxies are not supported.
std::optional<proxy_settings> parse_proxy_url(std::string_view text);

// Reads "127.0.0.1:9480", "[::1]:9480" or "localhost:9480"; nothing for any other host.
std::optional<loopback_endpoint> parse_loopback_endpoint(std::string_view text);

} // namespace relay::config
