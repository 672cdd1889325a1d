#include "agent/http/endpoint.hpp"

#include "agent/http/cause.hpp"

#include <curl/curl.h>

#include <memory>
#include <optional>

namespace relay::http {
namespace {

std::optional<std::string> part(CURLU* url, CURLUPart what, unsigned flags = 0)
{
    char* text = nullptr;
    if (curl_url_get(url, what, &text, flags) != CURLUE_OK)
        return std::nullopt;
    std::string result(text);
    curl_free(text);
    return result;
}

} // namespace

result<endpoint> parse_endpoint(std::string_view url, plaintext p)
{
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
    const std::string text(url);
    if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
        return cause::bad_settings;
    const auto scheme = part(parsed.get(), CURLUPART_SCHEME);
    auto host = part(parsed.get(), CURLUPART_HOST);
    const auto port = part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
    if (!scheme || !host || !port || part(parsed.get(), CURLUPART_USER) ||
        part(parsed.get(), CURLUPART_PASSWORD))
        return cause::bad_settings;
    if (*scheme != "https" && (*scheme != "http" || p == plaintext::refused))
        return cause::bad_settings;
    endpoint e{.url = text, .host = *host, .name = *host + ':' + *port, .tls = *scheme == "https"};
    if (e.host.size() > 2 && e.host.front() == '[')
        e.host = e.host.substr(1, e.host.size() - 2);
    return e;
}

} // namespace relay::http
