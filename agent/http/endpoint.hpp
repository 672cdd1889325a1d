// Where requests go, taken apart once.
#pragma once

#include "common/error/error.hpp"

#include <string>
#include <string_view>

namespace relay::http {

enum class plaintext { refused, allowed }; // http:// in the URL

struct endpoint {
    std::string url;
    std::string host; // without the brackets of an IPv6 address
    std::string name; // "mail.corp.example:443", for messages
    bool tls = true;
};

// Errors: cause::bad_settings (no http(s) URL, a user or password in it, http:// where that is refused).
result<endpoint> parse_endpoint(std::string_view url, plaintext p);

} // namespace relay::http
