#include "tests/stand_ins/control/control_client.hpp"
#include "tests/stand_ins/control/control_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/serialize.hpp>

#include <catch2/catch.hpp>

#include <thread>

using namespace relay;
using namespace relay::stand_in;

namespace {

// A server on a thread of its own; the test talks to it as another program would.
struct running_server {
    running_server()
    {
        auto& routes = server.routes();
        routes.on("GET", "/mailboxes/{email}/items", [](const control_request& r) {
            return control_reply{200, {{"email", r.parameter("email")}, {"limit", r.number("limit", 7)}}};
        });
        routes.on("POST", "/echo", [](const control_request& r) {
            return control_reply{201, r.body.at("value")};
        });
        routes.on("GET", "/breaks",
                  [](const control_request&) -> control_reply { throw std::runtime_error("oops"); });
        routes.on("GET", "/refuses",
                  [](const control_request&) -> control_reply { throw control_error(409, "not now"); });
        routes.on_waiting("GET", "/slow", [](control_request r) -> task<control_reply> {
            asio::steady_timer timer(co_await asio::this_coro::executor,
                                     milliseconds(r.number("wait_ms", 1)));
            co_await timer.async_wait(asio::use_awaitable);
            co_return control_reply{200, {{"waited", true}}};
        });
        REQUIRE(server.listen("127.0.0.1:0").has_value());
        asio::co_spawn(context, server.run(), [this](std::exception_ptr e) { failure = e; });
        thread = std::thread([this] { context.run(); });
    }
    ~running_server()
    {
        asio::post(context, [this] { server.stop(); });
        thread.join();
        CHECK_FALSE(failure);
    }

    asio::io_context context;
    control_server server{context};
    std::exception_ptr failure;
    std::thread thread;
};

int status_of(control_client& client, std::string_view method, std::string_view target,
              const json::value& body = nullptr)
{
    const auto reply = client.call(method, target, body);
    REQUIRE(reply.has_value());
    return reply->status;
}

} // namespace

TEST_CASE("a control interface refuses to listen where other machines could reach it", "[unit][control]")
{
    asio::io_context context;
    control_server server(context);
    CHECK(server.listen("0.0.0.0:0").error() == asio::error::access_denied);
    CHECK(server.listen("[::]:0").error() == asio::error::access_denied);
    CHECK(server.listen("192.0.2.1:80").error() == asio::error::access_denied);
    CHECK(server.listen("127.0.0.1").error() == asio::error::invalid_argument);
    CHECK(server.listen("127.0.0.1:99999").error() == asio::error::invalid_argument);
    CHECK(server.listen("somewhere:1").error() == asio::error::invalid_argument);
}

TEST_CASE("what a control call does wrong is answered with a status and a reason", "[unit][control]")
{
    running_server running;
    control_client client(running.server.url());
    CHECK(status_of(client, "GET", "/nowhere") == 404);
    CHECK(status_of(client, "GET", "/mailboxes/%zz/items") == 404);
    CHECK(status_of(client, "DELETE", "/echo") == 405);
    CHECK(status_of(client, "POST", "/echo", {{"other", 1}}) == 400);
    CHECK(status_of(client, "POST", "/echo", "text") == 400);
    CHECK(status_of(client, "GET", "/mailboxes/a/items?limit=x") == 400);
    CHECK(status_of(client, "GET", "/breaks") == 500);
    const auto refused = client.call("GET", "/refuses");
    REQUIRE(refused.has_value());
    CHECK(refused->status == 409);
    CHECK(refused->body == json::value{{"error", "not now"}});
}

TEST_CASE("control parameters arrive percent-decoded and JSON comes back", "[unit][control]")
{
    running_server running;
    control_client client(running.server.url());
    const auto items =
        client.call("GET", "/mailboxes/" + percent_encode("user1+x@corp.example") + "/items?limit=3&x");
    REQUIRE(items.has_value());
    CHECK(items->body == json::value{{"email", "user1+x@corp.example"}, {"limit", 3}});
    const auto echoed = client.call("POST", "/echo", {{"value", json::array{1, "\u00e4"}}});
    REQUIRE(echoed.has_value());
    CHECK(echoed->status == 201);
    CHECK(echoed->body == json::array{1, "\u00e4"});
}

TEST_CASE("one waiting control call does not hold up another, and a server stops while one waits",
          "[unit][control]")
{
    running_server running;
    std::thread waiting([url = running.server.url()] {
        control_client slow(url);
        slow.call("GET", "/slow?wait_ms=60000", nullptr, std::chrono::seconds(70));
    });
    control_client client(running.server.url());
    const auto start = std::chrono::steady_clock::now();
    CHECK(status_of(client, "GET", "/slow") == 200);
    CHECK(status_of(client, "GET", "/mailboxes/a/items") == 200);
    CHECK(std::chrono::steady_clock::now() - start < 10s);
    asio::post(running.context, [&] { running.server.stop(); });
    waiting.join();
    CHECK(std::chrono::steady_clock::now() - start < 10s);
}

TEST_CASE("a control call has a deadline", "[unit][control]")
{
    running_server running;
    control_client client(running.server.url());
    CHECK(client.call("GET", "/slow?wait_ms=5000", nullptr, milliseconds(50)).error() ==
          asio::error::timed_out);
    CHECK(status_of(client, "GET", "/slow") == 200);
}
