#include "agent/http/cause.hpp"
#include "tests/unit/http/http_fixture.hpp"

#include <catch2/catch.hpp>

namespace relay::test {
namespace {

using http::cause;
using http::reached;

std::string at(const scripted_server& s)
{
    return "localhost:" + std::to_string(s.port());
}

TEST_CASE_METHOD(http_fixture, "a request on a connection that dies is never sent again", "[unit][http]")
{
    // The server reads the second request and dies without a byte of an answer: libcurl would send it once more.
    const bool by_reset = GENERATE(true, false);
    scripted_server server(who, [by_reset](peer& p) {
        p.read();
        p.answer(200, "<ok/>");
        p.read();
        if (by_reset)
            p.reset();
    });
    connect(server);
    CHECK(ok(perform(post("one"))).status == 200);
    const auto got = bad(perform(post("two")));
    CHECK(got.code == cause::connection_lost);
    CHECK(got.code == failure::transient);
    CHECK(got.how_far == reached::sent);
    CHECK(got.message == at(server) + " closed the connection before it answered");
    CHECK(server.bodies == 2);
    CHECK(server.connections <= 2); // libcurl may have connected again, but sent nothing
    CHECK(ok(perform(post("three"))).status == 200);
    CHECK(server.bodies == 3);
}

TEST_CASE_METHOD(http_fixture, "a connection that died while it was idle costs nothing", "[unit][http]")
{
    const bool by_reset = GENERATE(true, false);
    scripted_server server(who, [by_reset](peer& p) {
        p.read();
        p.answer(200, "<ok/>");
        if (by_reset)
            p.reset();
    });
    connect(server);
    for (int i = 0; i < 4; ++i) {
        CHECK(ok(perform(post("one"))).status == 200);
        server.await_closed(i + 1);
    }
    CHECK(server.bodies == 4);
}

TEST_CASE_METHOD(http_fixture, "a connection reset before the answer leaves the outcome unknown",
                 "[unit][http]")
{
    scripted_server server(who, [](peer& p) {
        p.read();
        p.reset();
    });
    connect(server);
    const auto got = bad(perform(post("one")));
    CHECK(got.how_far == reached::sent);
    CHECK(got.code == cause::connection_lost);
    CHECK(server.bodies == 1);
}

TEST_CASE_METHOD(http_fixture, "an answer that is cut is a failure", "[unit][http]")
{
    const std::string head = GENERATE(as<std::string>(), "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf",
                                      "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf",
                                      "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 2");
    scripted_server server(who, [&](peer& p) {
        p.read();
        p.write(head);
    });
    connect(server);
    INFO(head);
    const auto got = bad(perform(post("one")));
    INFO(got.message);
    CHECK(got.how_far == reached::sent);
    CHECK(got.code == failure::transient);
    CHECK(server.bodies == 1);
}

TEST_CASE_METHOD(http_fixture, "garbage in place of HTTP is a failure", "[unit][http]")
{
    scripted_server server(who, [&](peer& p) {
        p.read();
        p.write("220 mail.corp.example ESMTP\r\n\r\n");
        p.hang();
    });
    connect(server);
    const auto got = bad(perform(post("one")));
    INFO(got.message);
    CHECK(got.code == cause::bad_answer);
    CHECK(got.how_far == reached::sent);
}

TEST_CASE_METHOD(http_fixture, "an answer over the cap is a failure, whatever length it announces",
                 "[unit][http]")
{
    settings.limits.max_body_bytes = 1000;
    const std::string head =
        GENERATE(as<std::string>(), "Content-Length: 1001\r\n", "Content-Length: 999999999999\r\n",
                 "Transfer-Encoding: chunked\r\n", "Connection: close\r\n");
    scripted_server server(who, [&](peer& p) {
        p.read();
        const std::string much(1001, 'x');
        p.write("HTTP/1.1 200 OK\r\n" + head + "\r\n" + (head[0] == 'T' ? "3e9\r\n" + much : much));
        p.hang();
    });
    connect(server);
    const auto got = bad(perform(post("one")));
    CHECK(got.code == cause::answer_too_large);
    CHECK(got.code == failure::permanent);
    CHECK(got.how_far == reached::sent);
    CHECK(got.message == "the answer of " + at(server) + " is larger than 1000 bytes");
}

TEST_CASE_METHOD(http_fixture, "endless headers are a failure", "[unit][http]")
{
    const bool many = GENERATE(true, false);
    scripted_server server(who, [many](peer& p) {
        p.read();
        p.write("HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 2000; ++i)
            p.write(many ? "X-" + std::to_string(i) + ": " + std::string(60, 'y') + "\r\n"
                         : std::string(100, 'z'));
        p.hang();
    });
    connect(server);
    const auto got = bad(perform(post("one")));
    INFO(got.message);
    CHECK(got.how_far == reached::sent);
    CHECK((got.code == cause::answer_too_large || got.code == cause::connection_lost));
}

TEST_CASE_METHOD(http_fixture, "more than a hundred headers are dropped", "[unit][http]")
{
    scripted_server server(who, [](peer& p) {
        p.read();
        std::string many;
        for (int i = 0; i < 150; ++i)
            many += "X-" + std::to_string(i) + ": y\r\n";
        p.answer(200, "<ok/>", many);
        p.hang();
    });
    connect(server);
    CHECK(ok(perform(post("one"))).headers.size() == http::max_headers);
}

TEST_CASE_METHOD(http_fixture, "a server that hangs is left after the limit", "[unit][http]")
{
    scripted_server server(who, [](peer& p) {
        p.read();
        p.answer(200, "<ok/>");
        p.read();
        p.hang();
    });
    connect(server);
    ok(perform(post("one")));
    const auto got = bad(perform(post("two", 50ms)));
    CHECK(got.code == cause::timed_out);
    CHECK(got.how_far == reached::sent);
    CHECK(got.message == at(server) + " gave no complete answer in time");
}

TEST_CASE_METHOD(http_fixture, "cancelling ends a hanging request at once", "[unit][http]")
{
    std::atomic<bool> arrived = false;
    scripted_server server(who, [&](peer& p) {
        p.read();
        arrived = true;
        p.hang();
    });
    connect(server);
    asio::cancellation_signal stop;
    const auto got = start(post("one"), stop.slot());
    run_until([&] { return arrived.load(); });
    const auto before = std::chrono::steady_clock::now();
    stop.emit(asio::cancellation_type::terminal);
    run();
    CHECK(std::chrono::steady_clock::now() - before < 50ms);
    const auto failure = bad(**got);
    CHECK(failure.code == asio::error::operation_aborted);
    CHECK(failure.how_far == reached::sent);
    CHECK(client->now().in_flight == 0);
}

TEST_CASE_METHOD(http_fixture, "a client that goes away ends its requests", "[unit][http]")
{
    settings.max_connections = 1;
    std::atomic<bool> arrived = false;
    scripted_server server(who, [&](peer& p) {
        p.read();
        arrived = true;
        p.hang();
    });
    connect(server);
    const auto running = start(post("one")), waiting = start(post("two"));
    run_until([&] { return arrived.load(); });
    CHECK(client->now().waiting == 1);
    client.reset();
    run();
    CHECK(bad(**running).code == asio::error::operation_aborted);
    CHECK(bad(**waiting).code == asio::error::operation_aborted);
    CHECK(bad(**waiting).how_far == reached::nothing);
}

TEST_CASE_METHOD(http_fixture, "a request beyond the queue fails at once", "[unit][http]")
{
    settings.max_connections = 1;
    settings.max_waiting = 2;
    scripted_server server(who, scripted_server::always());
    connect(server);
    std::vector<std::shared_ptr<answer>> all;
    for (int i = 0; i < 4; ++i)
        all.push_back(start(post("one")));
    run();
    for (int i = 0; i < 3; ++i)
        CHECK(ok(**all[static_cast<std::size_t>(i)]).status == 200);
    const auto got = bad(**all.back());
    CHECK(got.code == cause::queue_full);
    CHECK(got.code == failure::transient);
    CHECK(got.how_far == reached::nothing);
}

TEST_CASE_METHOD(http_fixture, "settings that allow no request say so", "[unit][http]")
{
    settings.allow_plaintext = true;
    const auto [url, message] = GENERATE(table<std::string, std::string>({
        {"http://localhost:1/EWS", "Basic is never sent over http://"},
        {"ftp://localhost/", "exchange.url is not an https:// address"},
        {"https://", "exchange.url is not an https:// address"},
        {"https://user:pass@localhost/", "exchange.url is not an https:// address"},
        {"", "exchange.url is not an https:// address"},
    }));
    connect(url);
    const auto got = bad(perform(post("one")));
    CHECK(got.code == failure::permanent);
    CHECK(got.how_far == reached::nothing);
    CHECK(got.message == message);
    CHECK(password_reads == 0);
}

TEST_CASE_METHOD(http_fixture, "plain http is refused unless it is allowed", "[unit][http]")
{
    settings.auth = http::auth_scheme::ntlm;
    connect("http://localhost:1/EWS");
    CHECK(bad(perform(post("one"))).code == cause::bad_settings);
}

TEST_CASE_METHOD(http_fixture, "a header with a line break is not sent", "[unit][http]")
{
    scripted_server server(who, scripted_server::always());
    connect(server);
    auto r = post("one");
    r.headers.emplace_back("X-AnchorMailbox", "a@b\r\nX-Evil: 1");
    const auto got = bad(perform(r));
    CHECK(got.code == failure::permanent);
    CHECK(server.connections == 0);
}

TEST_CASE_METHOD(http_fixture, "nobody listening is told from no such name", "[unit][http]")
{
    int port;
    {
        scripted_server server(who, scripted_server::always());
        port = server.port();
    }
    connect("https://localhost:" + std::to_string(port) + "/");
    auto got = bad(perform(post("one")));
    CHECK(got.code == cause::unreachable);
    CHECK(got.code == failure::transient);
    CHECK(got.how_far == reached::nothing);
    CHECK(got.message == "localhost:" + std::to_string(port) + " cannot be reached: Connection refused");

    connect("https://no-such-host.invalid/");
    got = bad(perform(post("one")));
    CHECK(got.code == cause::unreachable);
    CHECK(got.message ==
          "no-such-host.invalid:443 cannot be reached: no address is known for no-such-host.invalid");
}

TEST_CASE_METHOD(http_fixture, "redirects are not followed", "[unit][http]")
{
    scripted_server server(who, [](peer& p) {
        while (p.read())
            p.answer(302, "", "Location: https://localhost:1/owa/auth/logon.aspx\r\n");
    });
    connect(server);
    const auto got = ok(perform(post("one")));
    CHECK(got.status == 302);
    CHECK(server.bodies == 1);
}

TEST_CASE_METHOD(http_fixture, "requests one after the other share one connection", "[unit][http]")
{
    seen_request seen;
    scripted_server server(who, [&](peer& p) {
        while (const auto r = p.read()) {
            seen = *r;
            p.answer(200, "<" + r->body + "/>", "X-FEServer: EX1\r\nSet-Cookie: a=b\r\n");
        }
    });
    connect(server);
    for (int i = 0; i < 5; ++i) {
        auto r = post("n" + std::to_string(i));
        r.headers.emplace_back("X-AnchorMailbox", "a@corp.example");
        const auto got = ok(perform(r));
        CHECK(got.status == 200);
        CHECK(got.body == "<n" + std::to_string(i) + "/>");
        CHECK(got.content_type == "text/xml; charset=utf-8");
        CHECK(got.headers.at(2) == std::pair<std::string, std::string>("x-feserver", "EX1"));
    }
    CHECK(server.connections == 1);
    CHECK(server.bodies == 5);
    CHECK(client->now().opened == 1);
    CHECK(password_reads == 1);
    CHECK(seen.line == "POST /EWS/Exchange.asmx HTTP/1.1");
    CHECK(seen.header("authorization") == "Basic Q09SUFxzdmM6cmlnaHQ=");
    CHECK(seen.header("x-anchormailbox") == "a@corp.example");
    CHECK(seen.header("content-type") == "text/xml; charset=utf-8");
    CHECK(seen.header("user-agent") == "workestra-relay");
    CHECK(seen.header("accept-encoding") == "gzip");
    CHECK(seen.headers.count("expect") == 0);
    CHECK(seen.header("cookie") == "a=b"); // as long as the connection lives
}

TEST_CASE_METHOD(http_fixture, "an interim answer is passed over", "[unit][http]")
{
    scripted_server server(who, [](peer& p) {
        while (p.read()) {
            p.write("HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n");
            p.answer(500, "<fault/>");
        }
    });
    connect(server);
    const auto got = ok(perform(post("one")));
    CHECK(got.status == 500);
    CHECK(got.body == "<fault/>");
    CHECK(got.headers.size() == 2);
}

TEST_CASE_METHOD(http_fixture, "at most max_connections requests are under way, the rest in turn",
                 "[unit][http]")
{
    settings.max_connections = 3;
    std::atomic<int> now = 0, most = 0;
    scripted_server server(who, [&](peer& p) {
        while (p.read()) {
            most = std::max(most.load(), ++now);
            p.answer(200, "<ok/>");
            --now;
        }
    });
    connect(server);
    ok(perform(post("first")));
    std::vector<std::shared_ptr<answer>> all;
    for (int i = 0; i < 50; ++i)
        all.push_back(start(post("n")));
    run();
    for (const auto& one : all)
        CHECK(ok(**one).status == 200);
    CHECK(server.connections <= 3);
    CHECK(most <= 3);
    CHECK(server.bodies == 51);
}

TEST_CASE_METHOD(http_fixture, "an idle connection is closed and the next request opens another",
                 "[unit][http]")
{
    settings.idle = 20ms;
    scripted_server server(who, scripted_server::always());
    connect(server);
    ok(perform(post("one")));
    run_until([&] { return server.closed == 1; });
    CHECK(ok(perform(post("two"))).status == 200);
    CHECK(server.connections == 2);
    CHECK(client->now().opened == 2);
}

TEST_CASE_METHOD(http_fixture, "a body of any size goes out as it is", "[unit][http]")
{
    std::string arrived;
    scripted_server server(who, [&](peer& p) {
        while (const auto r = p.read()) {
            arrived = r->body;
            p.answer(200, r->body);
        }
    });
    connect(server);
    std::string body;
    for (int i = 0; i < 1'500'000; ++i)
        body += static_cast<char>('a' + i % 26);
    CHECK(ok(perform(post(body))).body == body);
    CHECK(arrived == body);
}

} // namespace
} // namespace relay::test
