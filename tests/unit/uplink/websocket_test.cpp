// The WebSocket itself: upgrade, frames both ways, and every way it ends.
#include "tests/unit/uplink/dialling_fixture.hpp"

namespace relay::test {

using Catch::Matchers::Contains;
using uplink::step;

struct link_fixture : dialling_fixture {
    uplink::link_ptr link;

    void connect()
    {
        auto made = dial();
        INFO((made.has_error() ? made.error().message : std::string()));
        REQUIRE(made.has_value());
        link = *std::move(made);
    }
    std::string read_text()
    {
        auto frame = await(link->read());
        REQUIRE(frame.has_value());
        return *frame;
    }
    uplink::failed read_failure()
    {
        auto frame = await(link->read());
        REQUIRE(frame.has_error());
        return frame.error();
    }
    void write(std::vector<std::string> frames) { REQUIRE(await(link->write(frames)).has_value()); }
};

TEST_CASE_METHOD(link_fixture, "an upgrade that is refused is quoted", "[unit][uplink][websocket]")
{
    SECTION("forbidden")
    {
        manner.answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        CHECK(failure(step::upgrade) ==
              "localhost:PORT refuses the WebSocket upgrade: it answers 403 Forbidden");
    }
    SECTION("a web page")
    {
        manner.answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<p/>";
        CHECK_THAT(failure(step::upgrade), Contains("it answers 200 OK"));
    }
    SECTION("no HTTP")
    {
        manner.answer = "220 smtp.example ESMTP\r\n\r\n";
        CHECK_THAT(failure(step::upgrade), Contains("localhost:PORT"));
    }
    SECTION("no WebSocket")
    {
        manner.answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                        "Sec-WebSocket-Accept: bm90IG91cnM=\r\n\r\n";
        CHECK_THAT(failure(step::upgrade), Contains("does not answer as a WebSocket"));
    }
    SECTION("silence")
    {
        manner.hangs_before_upgrade = true;
        settings.step_limit = 150ms;
        CHECK(failure(step::upgrade) == "the WebSocket upgrade by localhost:PORT took longer than 1 s");
    }
}

TEST_CASE_METHOD(link_fixture, "a cloud that selects no or another subprotocol is refused",
                 "[unit][uplink][websocket]")
{
    manner.subprotocol = GENERATE("", "workestra.relay.v2");
    CHECK(failure(step::upgrade) == "localhost:PORT does not select the subprotocol workestra.relay.v1");
}

TEST_CASE_METHOD(link_fixture, "a dial that is cancelled ends at once, at any step",
                 "[unit][uplink][websocket]")
{
    SECTION("proxy")
    {
        through_proxy("", true);
    }
    SECTION("TLS")
    {
        manner.hangs_before_tls = true;
    }
    SECTION("upgrade")
    {
        manner.hangs_before_upgrade = true;
    }
    open_cloud();
    settings.url = cloud->url();
    REQUIRE(dialer.load(settings).has_value());
    asio::cancellation_signal cancel;
    bool ended = false;
    asio::co_spawn(
        context, dialer.connect(),
        asio::bind_cancellation_slot(
            cancel.slot(), [&](std::exception_ptr, uplink::outcome<uplink::link_ptr>) { ended = true; }));
    context.restart();
    context.run_for(200ms);
    CHECK_FALSE(ended);
    asio::post(context, [&] { cancel.emit(asio::cancellation_type::terminal); });
    context.restart();
    context.run_for(100ms);
    CHECK(ended);
}

TEST_CASE_METHOD(link_fixture, "frames go both ways, small and deflated", "[unit][uplink][websocket]")
{
    bool deflated = false;
    manner.serve = [&](server_link& l) -> task<void> {
        deflated = l.deflates();
        for (std::string text = co_await l.read(); !text.empty(); text = co_await l.read())
            co_await l.send(text + "!");
    };
    connect();
    const std::string large(50'000, 'x');
    write({"small"});
    CHECK(read_text() == "small!");
    write({large});
    CHECK(read_text() == large + "!");
    CHECK(deflated);
}

TEST_CASE_METHOD(link_fixture, "a thousand frames of one write arrive in order", "[unit][uplink][websocket]")
{
    std::vector<std::string> arrived;
    manner.serve = [&](server_link& l) -> task<void> {
        for (std::string text = co_await l.read(); !text.empty(); text = co_await l.read())
            arrived.push_back(text);
    };
    connect();
    std::vector<std::string> frames;
    for (int i = 0; i < 1000; ++i)
        frames.push_back(std::to_string(i) + std::string(static_cast<std::size_t>(i) * 7 % 3000, 'x'));
    write(frames);
    run_until([&] { return arrived.size() == frames.size(); });
    CHECK(arrived == frames);
}

TEST_CASE_METHOD(link_fixture, "pings are answered and measured", "[unit][uplink][websocket]")
{
    connect();
    CHECK_FALSE(link->round_trip().has_value());
    const auto before = link->last_arrival();
    bool read_ended = false;
    asio::co_spawn(context, link->read(),
                   [&](std::exception_ptr, const uplink::outcome<std::string>&) { read_ended = true; });
    REQUIRE(await(link->ping()).has_value());
    run_until([&] { return link->round_trip().has_value(); });
    CHECK(link->last_arrival() > before);
    CHECK(*link->round_trip() < 5s);
    link->abort();
    run_until([&] { return read_ended; });
}

TEST_CASE_METHOD(link_fixture, "a frame over the limit closes the link with 1009",
                 "[unit][uplink][websocket]")
{
    manner.serve = [&](server_link& l) -> task<void> {
        co_await l.send(std::string(70'000, 'x'));
        co_await l.read();
    };
    connect();
    link->limit_frames(65'536);
    const auto why = read_failure();
    CHECK(why.code == errc::frame_too_large);
    CHECK_THAT(why.message, Contains("sent a frame over the agreed size"));
    run_until([&] { return cloud->closed_with != 0; });
    CHECK(cloud->closed_with == 1009);
}

TEST_CASE_METHOD(link_fixture,
                 "a cloud that is still sending when a frame goes over the limit reads the 1009",
                 "[unit][uplink][websocket]")
{
    // As a server sends them: no mask, and the length as short as it can be said.
    const auto frame = [](char first, std::size_t bytes) {
        const int digits = bytes < 126 ? 0 : bytes < 65'536 ? 16 : 64;
        std::string f{first, static_cast<char>(digits == 0 ? bytes : digits == 16 ? 126 : 127)};
        for (int shift = digits - 8; shift >= 0; shift -= 8)
            f += static_cast<char>((bytes >> shift) & 0xff);
        return f + std::string(bytes, 'x');
    };
    std::string sent;
    SECTION("in one frame")
    {
        sent = frame('\x81', 20'000'000);
    }
    SECTION("in fragments")
    {
        sent = frame('\x01', 60'000);
        for (int i = 0; i < 300; ++i)
            sent += frame('\x00', 60'000);
        sent += frame('\x80', 1);
    }
    SECTION("in pieces that are no WebSocket any more")
    {
        sent = frame('\x01', 60'000) + frame('\x7f', 20'000'000);
    }
    const bool broken = sent[60'004] == '\x7f';
    manner.serve = [&](server_link& l) -> task<void> {
        co_await l.send_raw(sent);
        std::string late;
        do {
            late = co_await l.read();
        } while (!late.empty());
    };
    connect();
    link->limit_frames(65'536);
    bool ended = false;
    // As in a session: a write that fails is no reason to drop what the reader is still about.
    asio::co_spawn(
        context,
        [&]() -> task<void> {
            const std::vector<std::string> frames{"late"};
            for (auto wrote = co_await link->write(frames); wrote.has_value();
                 wrote = co_await link->write(frames))
                if (const auto ec = co_await time.sleep_for(1ms); ec.failed())
                    break;
            link->abort();
            ended = true;
        },
        [](std::exception_ptr) {});
    const auto why = read_failure();
    CHECK(why.code == (broken ? errc::protocol_violation : errc::frame_too_large));
    run_until([&] { return cloud->closed_with != 0 && ended; });
    CHECK(cloud->closed_with == (broken ? 1002 : 1009));
}

TEST_CASE_METHOD(link_fixture, "a cloud that goes on sending after a binary frame reads the 1003",
                 "[unit][uplink][websocket]")
{
    manner.serve = [&](server_link& l) -> task<void> {
        co_await l.send_binary(std::string(60'000, 'b'));
        for (int i = 0; i < 200; ++i)
            co_await l.send(std::string(60'000, 'x'));
        co_await l.read();
    };
    connect();
    CHECK(read_failure().code == errc::protocol_violation);
    link->abort();
    run_until([&] { return cloud->closed_with != 0; });
    CHECK(cloud->closed_with == 1003);
}

TEST_CASE_METHOD(link_fixture, "a binary frame closes the link with 1003", "[unit][uplink][websocket]")
{
    manner.serve = [&](server_link& l) -> task<void> {
        co_await l.send_binary("binary");
        co_await l.read();
    };
    connect();
    CHECK(read_failure().code == errc::protocol_violation);
    run_until([&] { return cloud->closed_with != 0; });
    CHECK(cloud->closed_with == 1003);
}

TEST_CASE_METHOD(link_fixture, "a link that breaks says how", "[unit][uplink][websocket]")
{
    SECTION("in the middle of a frame")
    {
        manner.serve = [&](server_link& l) -> task<void> {
            co_await l.send_raw("\x81\x7d half of it");
            l.cut();
        };
        connect();
        CHECK_THAT(masked(read_failure().message), Contains("localhost:PORT"));
    }
    SECTION("by a frame that is none")
    {
        manner.serve = [&](server_link& l) -> task<void> {
            co_await l.send_raw("\xf3garbage");
            co_await l.read();
        };
        connect();
        CHECK(read_failure().code == errc::protocol_violation);
    }
    SECTION("by text that is no UTF-8")
    {
        manner.serve = [&](server_link& l) -> task<void> {
            co_await l.send_raw(std::string("\x81\x02\xff\xfe", 4));
            co_await l.read();
        };
        connect();
        CHECK(read_failure().code == errc::protocol_violation);
    }
    SECTION("by the cloud's wish")
    {
        manner.serve = [&](server_link& l) -> task<void> { co_await l.close(1008, "no\nmore"); };
        connect();
        const auto why = read_failure();
        CHECK(why.code == errc::link_closed);
        CHECK(masked(why.message) == "localhost:PORT closed the link (1008 no?more)");
    }
}

TEST_CASE_METHOD(link_fixture, "our close carries code and reason, and ends the read",
                 "[unit][uplink][websocket]")
{
    connect();
    std::optional<uplink::failed> ended;
    asio::co_spawn(context, link->read(),
                   [&](std::exception_ptr, const uplink::outcome<std::string>& r) { ended = r.error(); });
    await(link->close(uplink::close_code::going_away, "shutdown"));
    run_until([&] { return ended.has_value() && cloud->closed_with != 0; });
    CHECK(ended->code == errc::link_closed);
    CHECK(cloud->closed_with == 1001);
}

TEST_CASE_METHOD(link_fixture, "abort() ends reads, writes and pings that hang", "[unit][uplink][websocket]")
{
    manner.serve = [&](server_link&) -> task<void> {
        asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
        co_await timer.async_wait(use_tuple); // reads nothing
    };
    connect();
    int ended = 0;
    const std::vector<std::string> frames(64, std::string(500'000, 'x'));
    link->limit_frames(1 << 20);
    asio::co_spawn(context, link->read(),
                   [&](std::exception_ptr, const uplink::outcome<std::string>&) { ++ended; });
    asio::co_spawn(
        context,
        [&]() -> task<void> {
            std::mt19937 random(1); // what does not compress
            std::vector<std::string> noise(64);
            for (auto& n : noise)
                while (n.size() < 500'000)
                    n += "0123456789abcdefghijklmnopqrstuv"[random() % 32];
            co_await link->write(noise);
        },
        [&](std::exception_ptr) { ++ended; });
    context.restart();
    context.run_for(1s);
    asio::co_spawn(context, link->ping(), [&](std::exception_ptr, const uplink::outcome<void>&) { ++ended; });
    asio::co_spawn(context, link->close(uplink::close_code::going_away, "x"),
                   [&](std::exception_ptr) { ++ended; });
    context.restart();
    context.run_for(100ms);
    CHECK(ended == 0);
    link->abort();
    link->abort();
    run_until([&] { return ended == 4; });
}

} // namespace relay::test
