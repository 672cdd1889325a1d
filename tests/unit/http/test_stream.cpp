#include "agent/http/cause.hpp"
#include "agent/signin/channel_binding.hpp"
#include "tests/unit/http/acceptor.hpp"
#include "tests/unit/http/http_fixture.hpp"

#include <catch2/catch.hpp>

namespace relay::test {
namespace {

using http::cause;
using http::reached;

struct notebook final : http::body_sink {
    bool take(std::string_view piece) noexcept override
    {
        text.append(piece);
        ++pieces;
        return text.size() <= most;
    }
    std::string text;
    int pieces = 0;
    std::size_t most = 1'000'000;
};

http::request stream_to(notebook& sink, duration silence = 5s, duration limit = 10s)
{
    auto r = post("<subscribe/>", limit);
    r.streaming = http::streaming{&sink, silence};
    return r;
}

const std::string chunked = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n";

} // namespace

TEST_CASE_METHOD(http_fixture, "a stream arrives bit by bit", "[unit][http]")
{
    std::atomic<int> seen{0};
    std::string encoding;
    scripted_server server(who, [&](peer& p) {
        const auto request = p.read();
        encoding = request->header("accept-encoding");
        p.write(chunked + "3\r\none\r\n");
        while (seen < 1)
            std::this_thread::yield();
        p.write("3\r\ntwo\r\n");
        while (seen < 2)
            std::this_thread::yield();
        p.write("0\r\n\r\n");
        p.hang();
    });
    connect(server);
    notebook sink;
    const auto place = start(stream_to(sink));
    run_until([&] { return sink.text == "one"; });
    CHECK(client->now().streams == 1);
    CHECK(client->now().in_flight == 0);
    seen = 1;
    run_until([&] { return sink.text == "onetwo"; });
    seen = 2;
    run();
    const auto got = ok(std::move(**place));
    CHECK(got.status == 200);
    CHECK(got.body.empty());
    CHECK(encoding.empty());
    CHECK(client->now().streams == 0);
    CHECK(client->now().opened == 1);
}

TEST_CASE_METHOD(http_fixture, "streams leave the connections to the other requests", "[unit][http]")
{
    settings.max_connections = 1;
    scripted_server server(who, [&](peer& p) {
        if (p.read()->body == "<subscribe/>") {
            p.write(chunked + "1\r\nx\r\n");
            p.hang();
        } else {
            p.answer(200, "<ok/>");
            p.hang();
        }
    });
    connect(server);
    notebook one, two;
    asio::cancellation_signal stop;
    const auto first = start(stream_to(one), stop.slot());
    run_until([&] { return one.pieces > 0; });
    const auto request = start(post("<get/>"));
    run_until([&] { return request->has_value(); });
    CHECK(ok(std::move(**request)).body == "<ok/>");
    stop.emit(asio::cancellation_type::terminal);
    run();
    CHECK(bad(std::move(**first)).code == asio::error::operation_aborted);
    CHECK(client->now().streams == 0);
}

TEST_CASE_METHOD(http_fixture, "a stream that falls silent fails", "[unit][http]")
{
    scripted_server server(who, [&](peer& p) {
        p.read();
        for (int i = 0; i < 3; ++i) {
            p.write((i == 0 ? chunked : "") + "1\r\nx\r\n");
            std::this_thread::sleep_for(100ms);
        }
        p.hang();
    });
    connect(server);
    notebook sink;
    const auto before = std::chrono::steady_clock::now();
    const auto place = start(stream_to(sink, 300ms));
    run();
    const auto got = bad(std::move(**place));
    CHECK(got.code == cause::timed_out);
    CHECK(got.message.find("has sent nothing for 300 ms") != got.message.npos);
    CHECK(sink.text == "xxx");
    CHECK(std::chrono::steady_clock::now() - before >= 500ms);
}

TEST_CASE_METHOD(http_fixture, "a stream without an answer falls silent too", "[unit][http]")
{
    scripted_server server(who, [&](peer& p) {
        p.read();
        p.hang();
    });
    connect(server);
    notebook sink;
    const auto place = start(stream_to(sink, 200ms));
    run();
    CHECK(bad(std::move(**place)).code == cause::timed_out);
}

TEST_CASE_METHOD(http_fixture, "a stream ends when its time is up, whatever comes", "[unit][http]")
{
    scripted_server server(who, [&](peer& p) {
        p.read();
        p.write(chunked);
        for (int i = 0; i < 50; ++i) {
            p.write("1\r\nx\r\n");
            std::this_thread::sleep_for(20ms);
        }
    });
    connect(server);
    notebook sink;
    const auto place = start(stream_to(sink, 5s, 500ms));
    run();
    CHECK(bad(std::move(**place)).code == cause::timed_out);
}

TEST_CASE_METHOD(http_fixture, "a stream that is cut is a failure", "[unit][http]")
{
    const bool by_reset = GENERATE(true, false);
    scripted_server server(who, [&](peer& p) {
        p.read();
        p.write(chunked + "5\r\nwh");
        if (by_reset)
            p.reset();
    });
    connect(server);
    notebook sink;
    const auto place = start(stream_to(sink));
    run();
    const auto got = bad(std::move(**place));
    CHECK(got.code == cause::connection_lost);
    CHECK(got.how_far == reached::sent);
}

TEST_CASE_METHOD(http_fixture, "a stream ends where its reader has enough", "[unit][http]")
{
    scripted_server server(who, [&](peer& p) {
        p.read();
        p.write(chunked + "a\r\n0123456789\r\n");
        p.hang();
    });
    connect(server);
    notebook sink;
    sink.most = 5;
    const auto place = start(stream_to(sink));
    run();
    CHECK(bad(std::move(**place)).code == cause::answer_too_large);
}

TEST_CASE_METHOD(http_fixture, "an answer that is no 200 is no stream", "[unit][http]")
{
    scripted_server server(who, [&](peer& p) {
        p.read();
        p.answer(500, "<fault/>");
        p.hang();
    });
    connect(server);
    notebook sink;
    const auto place = start(stream_to(sink));
    run();
    const auto got = ok(std::move(**place));
    CHECK(got.status == 500);
    CHECK(got.body == "<fault/>");
    CHECK(sink.text.empty());
}

TEST_CASE_METHOD(http_fixture, "a stream that is cancelled lets go within a turn of the loop", "[unit][http]")
{
    scripted_server server(who, [&](peer& p) {
        p.read();
        p.write(chunked + "1\r\nx\r\n");
        p.hang();
    });
    connect(server);
    notebook sink;
    asio::cancellation_signal stop;
    const auto place = start(stream_to(sink, 60s, 60s), stop.slot());
    run_until([&] { return sink.pieces > 0; });
    const auto before = std::chrono::steady_clock::now();
    stop.emit(asio::cancellation_type::terminal);
    run();
    CHECK(bad(std::move(**place)).code == asio::error::operation_aborted);
    CHECK(std::chrono::steady_clock::now() - before < 500ms);
}

TEST_CASE_METHOD(http_fixture, "a client that goes away ends its streams", "[unit][http]")
{
    scripted_server server(who, [&](peer& p) {
        p.read();
        p.write(chunked + "1\r\nx\r\n");
        p.hang();
    });
    connect(server);
    notebook sink;
    const auto place = start(stream_to(sink, 60s, 60s));
    run_until([&] { return sink.pieces > 0; });
    client.reset();
    run();
    CHECK(bad(std::move(**place)).code == asio::error::operation_aborted);
}

TEST_CASE_METHOD(http_fixture, "each stream signs its own connection in", "[unit][http]")
{
    const account_file accounts("right");
    sign_in_counts counts;
    acceptor_wish wish;
    wish.binding = signin::tls_server_end_point(who.der()).value();
    scripted_server server(who, [&](peer& p) { serve_signed_in(p, wish, counts); });
    settings.auth = http::auth_scheme::ntlm;
    connect(server);
    notebook one, two;
    const auto first = start(stream_to(one));
    run();
    const auto second = start(stream_to(two));
    run();
    CHECK(ok(std::move(**first)).status == 200);
    CHECK(ok(std::move(**second)).status == 200);
    CHECK(one.text == "<<subscribe/>/>");
    CHECK(two.text == "<<subscribe/>/>");
    CHECK(counts.accepted == 2);
    CHECK(counts.refused == 0);
}

} // namespace relay::test
