#include "agent/http/cause.hpp"
#include "tests/unit/http/http_fixture.hpp"

#include <catch2/catch.hpp>

namespace relay::test {
namespace {

using http::reached;

TEST_CASE_METHOD(http_fixture, "requests one after the other share one connection", "[unit][http]")
{
    std::string authorization;
    scripted_server server(who, [&](peer& p) {
        while (const auto r = p.read()) {
            authorization = r->header("authorization");
            p.answer(200, "<" + r->body + "/>", "X-FEServer: EX1\r\n");
        }
    });
    connect(server);
    for (int i = 0; i < 5; ++i) {
        const auto got = perform(post("n" + std::to_string(i)));
        REQUIRE(got.has_value());
        CHECK(got->status == 200);
        CHECK(got->body == "<n" + std::to_string(i) + "/>");
        CHECK(got->content_type == "text/xml; charset=utf-8");
        CHECK(got->headers.back() == std::pair<std::string, std::string>("x-feserver", "EX1"));
    }
    CHECK(server.connections == 1);
    CHECK(server.bodies == 5);
    CHECK(authorization == "Basic Q09SUFxzdmM6cmlnaHQ=");
    CHECK(password_reads == 1);
}

} // namespace
} // namespace relay::test
