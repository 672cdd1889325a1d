#include "agent/http/endpoint.hpp"

#include "agent/http/cause.hpp"

#include "common/url/url.hpp"

namespace relay::http {

result<endpoint> parse_endpoint(std::string_view text, plaintext p)
{
    const auto url = parse_web_url(text);
    if (url.has_error() || (url->scheme != "https" && url->scheme != "http") ||
        (!url->encrypted() && p == plaintext::refused))
        return cause::bad_settings;
    return endpoint{
        .url = std::string(text), .host = url->host, .name = url->authority(), .tls = url->encrypted()};
}

} // namespace relay::http
