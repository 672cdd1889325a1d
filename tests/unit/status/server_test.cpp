// The server on a thread of its own; tests talk to it over the socket as another program would.
#include "agent/commands/catalog.hpp"
#include "agent/status/client.hpp"
#include "agent/status/server.hpp"
#include "tests/unit/status/samples.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <array>
#include <future>
#include <sstream>
#include <thread>

using namespace relay;
using namespace relay::test;
using asio::ip::tcp;
using config::loopback_endpoint;

namespace {

// Nothing here waits for these to pass, but where a test says so.
constexpr status::server_limits patient{
    .connections = 4, .first_request = 60s, .next_request = 60s, .retry = 50ms};

status::server_limits impatient()
{
    auto limits = patient;
    limits.first_request = limits.next_request = 200ms;
    return limits;
}

struct running_server {
    explicit running_server(std::optional<loopback_endpoint> where = loopback_endpoint{"127.0.0.1", 0},
                            status::server_limits limits = patient)
        : server(context.get_executor(), pages, time, log, limits)
    {
        server.use(std::move(where));
        asio::co_spawn(
            context, server.run(),
            asio::bind_cancellation_slot(stop.slot(), [this](std::exception_ptr e) { failure = e; }));
        thread = std::thread([this] { context.run(); });
    }
    ~running_server()
    {
        asio::post(context, [this] { stop.emit(asio::cancellation_type::terminal); });
        thread.join();
        CHECK_FALSE(failure);
    }
    std::uint16_t port()
    {
        for (int i = 0; i < 500; ++i) {
            std::promise<std::uint16_t> p;
            asio::post(context, [&] { p.set_value(server.port()); });
            if (const auto found = p.get_future().get(); found != 0)
                return found;
            std::this_thread::sleep_for(10ms);
        }
        return 0;
    }
    std::string logged()
    {
        std::promise<std::string> p;
        asio::post(context, [&] { p.set_value(lines.str()); });
        return p.get_future().get();
    }

    asio::io_context context;
    real_time time;
    std::ostringstream lines;
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines)};
    status::recorder recorder{time, commands::catalog()};
    status::site pages{[this]() -> task<status::snapshot> {
                           if (broken)
                               throw std::runtime_error("oops");
                           co_return healthy();
                       },
                       recorder};
    bool broken = false;
    status::server server;
    asio::cancellation_signal stop;
    std::exception_ptr failure;
    std::thread thread;
};

struct connection {
    explicit connection(std::uint16_t port) { socket.connect({asio::ip::address_v4::loopback(), port}); }

    void send(std::string_view text)
    {
        error_code ignored;
        asio::write(socket, asio::buffer(text), ignored);
    }
    // Everything until the server closes.
    std::string rest()
    {
        std::string all;
        error_code ec;
        asio::read(socket, asio::dynamic_buffer(all), ec);
        return all;
    }

    asio::io_context context;
    tcp::socket socket{context};
};

std::string exchanged(running_server& s, std::string text)
{
    const auto port = s.port();
    for (auto at = text.find("PORT"); at != text.npos; at = text.find("PORT"))
        text.replace(at, 4, std::to_string(port));
    connection c(port);
    c.send(text);
    return c.rest();
}

std::string get(std::string_view path, std::string_view more = "")
{
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost:PORT\r\n" + std::string(more) +
           "Connection: close\r\n\r\n";
}

} // namespace

TEST_CASE("an answer carries the security headers, and HEAD the same without the body", "[unit][status]")
{
    running_server s;
    const auto whole = exchanged(s, get("/healthz"));
    CHECK_THAT(whole, Catch::StartsWith("HTTP/1.1 200 OK\r\n") && Catch::EndsWith("\r\n\r\nok\n") &&
                          Catch::Contains("Content-Security-Policy: default-src 'none'") &&
                          Catch::Contains("Cache-Control: no-store") &&
                          Catch::Contains("Content-Length: 3\r\n"));
    const auto head =
        exchanged(s, "HEAD /healthz HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n\r\n");
    CHECK(head == whole.substr(0, whole.size() - 3));
}

TEST_CASE("refusals carry them as well", "[unit][status]")
{
    running_server s;
    const auto posted = exchanged(
        s, "POST /api/status HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Length: 5000000000\r\n\r\nx=1");
    CHECK_THAT(posted, Catch::StartsWith("HTTP/1.1 405 ") && Catch::Contains("Allow: GET, HEAD\r\n") &&
                           Catch::Contains("Connection: close") && Catch::Contains("nosniff"));
    CHECK_THAT(exchanged(s, "GET / HTTP/1.1\r\nHost: evil.example:PORT\r\nConnection: close\r\n\r\n"),
               Catch::StartsWith("HTTP/1.1 421 ") && Catch::Contains("nosniff"));
    CHECK_THAT(exchanged(s, "GET / HTTP/1.1\r\nHost: localhost:PORT\r\nHost: x\r\nConnection: close\r\n\r\n"),
               Catch::StartsWith("HTTP/1.1 400 "));
    CHECK_THAT(exchanged(s, "GET / HTTP/1.0\r\n\r\n"), Catch::StartsWith("HTTP/1.1 400 "));
    CHECK_THAT(exchanged(s, "what is this\r\n\r\n"), Catch::StartsWith("HTTP/1.1 400 "));
    CHECK_THAT(exchanged(s, get("/", "X: " + std::string(20'000, 'x') + "\r\n")),
               Catch::StartsWith("HTTP/1.1 431 "));
    // A body that was announced is not taken for the next request.
    CHECK_THAT(exchanged(s, "GET /healthz HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Length: 4\r\n\r\nGET "),
               Catch::Contains("Connection: close"));
}

TEST_CASE("a connection is kept for several requests", "[unit][status]")
{
    running_server s;
    const auto one = "GET /healthz HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n";
    const auto all = exchanged(s, std::string(one) + one + get("/readyz"));
    std::size_t answers = 0;
    for (auto at = all.find("HTTP/1.1 200"); at != all.npos; at = all.find("HTTP/1.1 200", at + 1))
        ++answers;
    CHECK(answers == 3);
}

TEST_CASE("a connection that says nothing, or too slowly, is closed", "[unit][status]")
{
    running_server s(loopback_endpoint{"127.0.0.1", 0}, impatient());
    connection silent(s.port()), slow(s.port());
    slow.send("GET / HTTP/1.1\r\nHo");
    const auto begun = std::chrono::steady_clock::now();
    CHECK(silent.rest().empty());
    CHECK(slow.rest().empty());
    CHECK(std::chrono::steady_clock::now() - begun < 10s);
}

TEST_CASE("a server stops at once although connections are open", "[unit][status]")
{
    std::unique_ptr<connection> silent, kept;
    const auto begun = std::chrono::steady_clock::now();
    {
        running_server s;
        const auto port = s.port();
        silent = std::make_unique<connection>(port);
        kept = std::make_unique<connection>(port);
        kept->send("GET /healthz HTTP/1.1\r\nHost: localhost:" + std::to_string(port) + "\r\n\r\n");
        std::array<char, 10> answer;
        asio::read(kept->socket, asio::buffer(answer));
    }
    CHECK(std::chrono::steady_clock::now() - begun < 30s);
    CHECK(silent->rest().empty());
}

TEST_CASE("past the most connections the one that has asked nothing for longest makes room", "[unit][status]")
{
    running_server s;
    const auto port = s.port();
    std::vector<std::unique_ptr<connection>> held;
    for (std::size_t i = 0; i < patient.connections; ++i)
        held.push_back(std::make_unique<connection>(port));
    for (std::size_t i = 0; i < patient.connections; ++i) {
        CHECK_THAT(exchanged(s, get("/healthz")), Catch::StartsWith("HTTP/1.1 200 OK"));
        if (i == 0)
            CHECK(held.front()->rest().empty()); // closed
    }
}

TEST_CASE("a fault while answering is a 500 and a line in the log, and the next request is served",
          "[unit][status]")
{
    running_server s;
    s.port();
    std::promise<void> p;
    asio::post(s.context, [&] {
        s.broken = true;
        p.set_value();
    });
    p.get_future().get();
    CHECK_THAT(exchanged(s, get("/api/status")), Catch::StartsWith("HTTP/1.1 500 "));
    CHECK_THAT(exchanged(s, get("/healthz")), Catch::StartsWith("HTTP/1.1 200 "));
    CHECK_THAT(s.logged(), Catch::Contains("oops"));
}

TEST_CASE("nothing but loopback is bound", "[unit][status]")
{
    for (const char* address : {"0.0.0.0", "::", "192.0.2.1", "nonsense"}) {
        running_server s(loopback_endpoint{address, 0});
        for (int i = 0; i < 500 && s.logged().find("cannot listen") == std::string::npos; ++i)
            std::this_thread::sleep_for(10ms);
        CHECK_THAT(s.logged(), Catch::Contains("cannot listen on " + std::string(address)));
        std::promise<std::uint16_t> p;
        asio::post(s.context, [&] { p.set_value(s.server.port()); });
        CHECK(p.get_future().get() == 0);
    }
}

TEST_CASE("a port that is taken is told once, and had as soon as it is free", "[unit][status]")
{
    asio::io_context context;
    auto taken = std::make_unique<tcp::acceptor>(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    const auto port = taken->local_endpoint().port();
    running_server s(loopback_endpoint{"127.0.0.1", port});
    for (int i = 0; i < 500 && s.logged().find("another program has the port") == std::string::npos; ++i)
        std::this_thread::sleep_for(10ms);
    std::this_thread::sleep_for(200ms); // some more tries
    const auto log = s.logged();
    CHECK(log.find("cannot listen") != log.npos);
    CHECK(log.find("cannot listen") == log.rfind("cannot listen"));
    taken.reset();
    CHECK(s.port() == port);
}

TEST_CASE("the address can be changed and turned off while serving", "[unit][status]")
{
    running_server s;
    const auto first = s.port();
    asio::post(s.context, [&] { s.server.use(loopback_endpoint{"::1", 0}); });
    std::uint16_t second = first;
    for (int i = 0; i < 500 && (second == first || second == 0); ++i)
        second = s.port();
    CHECK(status::fetch({"::1", second}, "/healthz", 5s)->body == "ok\n");
    CHECK(status::fetch({"127.0.0.1", first}, "/healthz", 5s).error() == asio::error::connection_refused);
    std::promise<void> p;
    asio::post(s.context, [&] {
        s.server.use(std::nullopt);
        p.set_value();
    });
    p.get_future().get();
    CHECK(status::fetch({"::1", second}, "/healthz", 5s).error() == asio::error::connection_refused);
}

TEST_CASE("a question to somebody who does not answer, or not in HTTP, ends", "[unit][status]")
{
    asio::io_context context;
    tcp::acceptor other(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    const loopback_endpoint where{"127.0.0.1", other.local_endpoint().port()};
    CHECK(status::fetch(where, "/", 200ms).error() == asio::error::timed_out);
    std::thread speaker([&] {
        auto first = other.accept(); // the one above
        auto socket = other.accept();
        error_code ignored;
        asio::write(socket, asio::buffer(std::string_view("220 mail.example ESMTP\r\n")), ignored);
    });
    const auto said = status::fetch(where, "/", 5s);
    speaker.join();
    CHECK(said.has_error());
}
