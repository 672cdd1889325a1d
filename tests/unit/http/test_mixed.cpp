// Answers that belong to other requests, on connections that stay open.
#include "agent/http/cause.hpp"
#include "tests/unit/http/http_fixture.hpp"

#include <catch2/catch.hpp>

namespace relay::test {
namespace {

using http::cause;
using http::reached;

std::string bytes_of(int status, const std::string& body, const std::string& id = "")
{
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + (id.empty() ? "" : "Client-Request-Id: " + id + "\r\n") + "\r\n" + body;
}

http::request named(std::string body, std::string id)
{
    auto r = post(std::move(body));
    r.headers.emplace_back(http::request_id_header, std::move(id));
    return r;
}

TEST_CASE_METHOD(http_fixture, "a connection with an answer that nobody read is not used again",
                 "[unit][http][mixed]")
{
    std::atomic<int> strays{0};
    scripted_server server(who, [&](peer& p) {
        while (const auto r = p.read()) {
            p.answer(500, "<busy/>");
            p.write(bytes_of(200, "<late " + r->body + "/>")); // in a TLS record of its own
            ++strays;
        }
    });
    connect(server);
    for (int i = 0; i < 5; ++i) {
        const auto got = ok(perform(post(std::to_string(i))));
        CHECK(got.status == 500);
        CHECK(got.body == "<busy/>");
        run_until([&] { return strays == i + 1; });
    }
    CHECK(server.connections == 5);
}

TEST_CASE_METHOD(http_fixture,
                 "two answers in one TLS record are told apart only by the request that they name",
                 "[unit][http][mixed]")
{
    const bool says_whose = GENERATE(true, false);
    const std::string body = GENERATE(as<std::string>(), "<busy/>", "");
    scripted_server server(who, [&](peer& p) {
        while (const auto r = p.read()) {
            const auto id = says_whose ? r->header(http::request_id_header) : "";
            p.write(bytes_of(500, body, id) + bytes_of(200, "<late/>", id));
        }
    });
    connect(server);
    for (int i = 0; i < 3; ++i) {
        const auto got = perform(named("a", "id-" + std::to_string(i)));
        if (got.has_value()) {
            CHECK(got->status == 500);
            CHECK(got->body == body);
        } else {
            CHECK_FALSE(says_whose);
            CHECK(got.error().code == cause::mixed_up);
            CHECK(got.error().how_far == reached::sent);
        }
    }
}

TEST_CASE_METHOD(http_fixture,
                 "an answer that names another request ends the connection, and its own is unknown",
                 "[unit][http][mixed]")
{
    const int status = GENERATE(200, 401, 500);
    scripted_server server(who, [&](peer& p) {
        while (const auto r = p.read())
            p.write(bytes_of(p.number == 0 ? status : 200, "<" + r->body + "/>",
                             p.number == 0 ? "somebody-else" : r->header(http::request_id_header)));
    });
    connect(server);
    const auto got = bad(perform(named("one", "id-1")));
    CHECK(got.code == cause::mixed_up);
    CHECK(got.code == failure::transient);
    CHECK(got.how_far == reached::sent);
    CHECK_FALSE(client->now().account_refused); // nor does it say anything about the password
    CHECK(ok(perform(named("two", "ID-2"))).body == "<two/>");
    CHECK(server.connections == 2);
    CHECK(server.bodies == 2);
}

TEST_CASE_METHOD(http_fixture, "an answer that comes while the next request is on its way is not that one's",
                 "[unit][http][mixed]")
{
    scripted_server server(who, [](peer& p) {
        const auto first = p.read();
        p.write(bytes_of(200, "<one/>", first->header(http::request_id_header)));
        const auto second = p.read(); // only now comes the rest of the first
        p.write(bytes_of(200, "<one again/>", first->header(http::request_id_header)));
        if (second)
            p.write(bytes_of(200, "<two/>", second->header(http::request_id_header)));
        p.hang();
    });
    connect(server);
    CHECK(ok(perform(named("one", "id-1"))).body == "<one/>");
    CHECK(bad(perform(named("two", "id-2"))).code == cause::mixed_up);
}

TEST_CASE_METHOD(http_fixture, "a connection whose answer does not fit its request is not used again",
                 "[unit][http][mixed]")
{
    scripted_server server(who, scripted_server::always("<page/>"));
    connect(server);
    auto r = post("one");
    r.fits = [](const http::response& got) { return got.body != "<page/>"; };
    for (int i = 0; i < 3; ++i)
        CHECK(ok(perform(r)).body == "<page/>"); // handed over all the same
    CHECK(server.connections == 3);
    r.fits = [](const http::response&) { return true; };
    for (int i = 0; i < 3; ++i)
        CHECK(ok(perform(r)).status == 200);
    CHECK(server.connections == 4);
}

} // namespace
} // namespace relay::test
