#include "agent/commands/catalog.hpp"
#include "agent/status/site.hpp"
#include "tests/support/manual_time.hpp"
#include "tests/unit/status/samples.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::test;

namespace {

struct site_fixture {
    asio::io_context context;
    manual_time time{context};
    status::recorder recorder{time, commands::catalog()};
    status::snapshot now = healthy();
    status::site site{[this]() -> task<status::snapshot> { co_return now; }, recorder};

    status::reply ask(std::string_view target, std::string_view method = "GET",
                      std::string_view host = "localhost:9480")
    {
        return ask({.method = method, .target = target, .hosts = 1, .host = host});
    }
    status::reply ask(status::request r)
    {
        status::reply got;
        std::exception_ptr failure;
        asio::co_spawn(context, site.answer(r), [&](std::exception_ptr e, status::reply a) {
            failure = e;
            got = std::move(a);
        });
        time.settle();
        REQUIRE_FALSE(failure);
        return got;
    }
};

} // namespace

TEST_CASE("only loopback names are ours, with any port", "[unit][status]")
{
    for (const char* host : {"localhost:9480", "LOCALHOST:9480", "localhost:80", "localhost",
                             "127.0.0.1:9480", "127.0.0.1", "127.1.2.3:9480", "[::1]:9480", "[::1]"})
        CHECK(status::names_loopback(host));
    for (const char* host : {"",
                             ":9480",
                             "localhost:",
                             "localhost:9480x",
                             "localhost:+9480",
                             "evil.example:9480",
                             "evil.example",
                             "localhost.evil.example:9480",
                             "127.0.0.1.evil.example:9480",
                             "10.0.0.1:9480",
                             "0.0.0.0:9480",
                             "[::]:9480",
                             "::1:9480",
                             "[127.0.0.1]:9480",
                             "127.1:9480",
                             "2130706433:9480",
                             "0x7f.0.0.1:9480",
                             "localhost:9480,evil:9480",
                             " localhost:9480",
                             "localhost@evil:9480",
                             "[::ffff:8.8.8.8]:9480"}) {
        INFO(host);
        CHECK_FALSE(status::names_loopback(host));
    }
}

TEST_CASE_METHOD(site_fixture, "a foreign, missing or doubled Host header gets nothing", "[unit][status]")
{
    for (const char* path :
         {"/", "/api/status", "/metrics", "/healthz", "/readyz", "/status.js", "/nowhere"}) {
        CHECK(ask(path, "GET", "evil.example:9480").status == 421);
        CHECK(ask({.method = "GET", .target = path, .hosts = 0, .host = ""}).status == 400);
        CHECK(ask({.method = "GET", .target = path, .hosts = 2, .host = "localhost:9480"}).status == 400);
    }
}

TEST_CASE_METHOD(site_fixture, "any method but GET and HEAD is refused", "[unit][status]")
{
    for (const char* method :
         {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "MADEUP", ""}) {
        const auto r = ask("/api/status", method);
        INFO(method);
        CHECK(r.status == 405);
        CHECK(r.allow == "GET, HEAD");
    }
    CHECK(ask("/api/status", "HEAD").status == 200);
}

TEST_CASE_METHOD(site_fixture, "each path has its answer and its type", "[unit][status]")
{
    CHECK(ask("/").content_type == "text/html; charset=utf-8");
    CHECK(ask("/status.css").content_type == "text/css; charset=utf-8");
    CHECK(ask("/status.js").content_type == "text/javascript; charset=utf-8");
    CHECK(ask("/icon.svg").content_type == "image/svg+xml");
    CHECK(ask("/metrics").content_type == "text/plain; version=0.0.4; charset=utf-8");
    CHECK(ask("/healthz").body == "ok\n");
    const auto document = ask("/api/status?x=1");
    CHECK(document.content_type == "application/json");
    CHECK(boost::json::parse(document.body) == boost::json::value(status::to_json(now)));
    CHECK(boost::json::parse(ask("/api/history").body).is_object());
    for (const char* path : {"/index.html", "/api", "/api/", "/api/statu", "/../etc/passwd", "//",
                             "/metrics/", "/embed_pages.cmake"})
        CHECK(ask(path).status == 404);
    CHECK(ask("http://localhost:9480/").status == 400);
    CHECK(ask("*").status == 400);
}

TEST_CASE_METHOD(site_fixture, "readiness is 503 with the reason until link and Exchange are there",
                 "[unit][status]")
{
    CHECK(ask("/readyz").status == 200);
    now.link.state = "backoff";
    now.link.last_error = "relay:443 refuses";
    CHECK(ask("/readyz").status == 503);
    CHECK(ask("/readyz").body == "not ready: the link to the cloud is backoff: relay:443 refuses\n");
    CHECK(ask("/healthz").status == 200);
    now = healthy();
    now.exchange.state = "unreachable";
    CHECK(ask("/readyz").status == 503);
}

TEST_CASE("the page loads nothing from elsewhere and runs no inline script", "[unit][status]")
{
    const auto headers = status::security_headers();
    const auto has = [&](std::string_view name, std::string_view part) {
        return std::ranges::any_of(
            headers, [&](const auto& h) { return h.first == name && h.second.find(part) != h.second.npos; });
    };
    CHECK(has("Content-Security-Policy", "default-src 'none'"));
    CHECK(has("Content-Security-Policy", "frame-ancestors 'none'"));
    CHECK_FALSE(has("Content-Security-Policy", "unsafe"));
    CHECK(has("Cache-Control", "no-store"));
    CHECK(has("X-Content-Type-Options", "nosniff"));
}

TEST_CASE_METHOD(site_fixture, "the page itself keeps to its content policy", "[unit][status]")
{
    const auto page = ask("/").body;
    for (const char* forbidden :
         {"<script>", "style=\"", "onclick", "onload", "javascript:", "http://", "https://", "<style"}) {
        INFO(forbidden);
        CHECK(page.find(forbidden) == page.npos);
    }
    CHECK(page.find("<script src=\"/status.js\"") != page.npos);
    CHECK(page.find("lang=\"en\"") != page.npos);
    CHECK(page.find("name=\"viewport\"") != page.npos);
    const auto script = ask("/status.js").body;
    for (const char* forbidden :
         {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("}) {
        INFO(forbidden);
        CHECK(script.find(forbidden) == script.npos);
    }
}
