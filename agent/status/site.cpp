#include "agent/status/site.hpp"

#include "agent/status/documents.hpp"
#include "agent/status/exposition.hpp"
#include "agent/status/findings.hpp"
#include "common/text/text.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>

namespace relay::status {
namespace {

struct page_file {
    std::string_view name, content;
};
#include "agent/status/page_files.inc"

std::string_view type_of(std::string_view file)
{
    if (file.ends_with(".html"))
        return "text/html; charset=utf-8";
    if (file.ends_with(".css"))
        return "text/css; charset=utf-8";
    if (file.ends_with(".js"))
        return "text/javascript; charset=utf-8";
    return "image/svg+xml";
}

const page_file* find_page(std::string_view path)
{
    const auto name = path == "/" ? std::string_view("index.html") : path.substr(1);
    const auto found = std::ranges::find(page_files, name, &page_file::name);
    return found == std::end(page_files) || path == "/index.html" ? nullptr : &*found;
}

reply text(unsigned status, std::string_view sentence)
{
    return {status, "text/plain; charset=utf-8", std::string(sentence) + "\n", {}};
}

reply document(const boost::json::object& o)
{
    return {200, "application/json", boost::json::serialize(o) + "\n", {}};
}

// What may not be answered at all.
std::optional<reply> refusal(const request& r)
{
    if (r.hosts != 1)
        return text(400, "one Host header is needed");
    if (!names_loopback(r.host))
        return text(421, "this page is for this machine only: ask for it as localhost or 127.0.0.1");
    if (r.method != "GET" && r.method != "HEAD") {
        auto answer = text(405, "read only: GET and HEAD");
        answer.allow = "GET, HEAD";
        return answer;
    }
    if (!r.target.starts_with('/'))
        return text(400, "the target has to be a path");
    return std::nullopt;
}

} // namespace

bool names_loopback(std::string_view host)
{
    const auto colon = host.rfind(':');
    const bool has_port = colon != host.npos && host.find(']', colon) == host.npos;
    if (has_port) {
        const auto port = host.substr(colon + 1);
        if (port.empty() || port.find_first_not_of("0123456789") != port.npos)
            return false;
        host = host.substr(0, colon);
    }
    if (ascii_iequals(host, "localhost"))
        return true;
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    error_code ec;
    const auto address = asio::ip::make_address(std::string(host), ec);
    return !ec && address.is_loopback() && address.is_v6() == bracketed;
}

std::span<const std::pair<std::string_view, std::string_view>> security_headers() noexcept
{
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> headers{{
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
         "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
    }};
    return headers;
}

task<reply> site::answer(request r)
{
    if (auto refused = refusal(r))
        co_return std::move(*refused);
    const auto path = r.target.substr(0, r.target.find('?'));
    if (path == "/healthz")
        co_return text(200, "ok");
    if (const auto* page = find_page(path))
        co_return reply{200, type_of(page->name), std::string(page->content), {}};
    if (path != "/api/status" && path != "/api/history" && path != "/metrics" && path != "/readyz")
        co_return text(404, "there are /, /api/status, /metrics, /healthz and /readyz");

    const auto now = co_await now_();
    if (path == "/api/status")
        co_return document(to_json(now));
    if (path == "/api/history")
        co_return document(history_json(now, recorded_));
    if (path == "/metrics")
        co_return reply{200,
                        exposition::content_type,
                        metrics_text(now, recorded_, platform::usage_of_this_process()),
                        {}};
    const auto why = not_ready(now);
    co_return why ? text(503, "not ready: " + *why) : text(200, "ready");
}

} // namespace relay::status
