// A request that may not leave after its time: the time is asked again wherever the request had to wait.
#include "agent/http/cause.hpp"
#include "agent/signin/channel_binding.hpp"
#include "tests/unit/http/acceptor.hpp"
#include "tests/unit/http/http_fixture.hpp"

#include <catch2/catch.hpp>

namespace relay::test {
namespace {

// The real clock, and an hour more once something has happened.
class leaping_time final : public time_source {
public:
    explicit leaping_time(time_source& real) : real_(real) {}

    std::function<bool()> leaps = [] { return false; };

    steady_time now() const override { return real_.now() + (leaps() ? 1h : 0h); }
    utc_time utc_now() const override { return real_.utc_now(); }
    task<error_code> sleep_for(duration length) override { return real_.sleep_for(length); }

private:
    time_source& real_;
};

struct late_fixture : http_fixture {
    leaping_time clock{time};

    void connect(const scripted_server& server)
    {
        settings.url = server.url();
        client = std::make_unique<http::client>(settings, clock);
    }
    http::request within_an_hour(const std::string& body)
    {
        auto r = post(body);
        r.not_after = time.now() + 30min;
        return r;
    }
    static void check_unsent(const http::outcome& got)
    {
        REQUIRE(got.has_error());
        CHECK(got.error().code == http::cause::too_late);
        CHECK(got.error().how_far == http::reached::nothing);
    }
};

TEST_CASE_METHOD(late_fixture, "a request leaves within its time, and not after it", "[unit][http]")
{
    scripted_server server(who, scripted_server::always());
    connect(server);
    CHECK(ok(perform(within_an_hour("a"))).status == 200);
    clock.leaps = [] { return true; };
    check_unsent(perform(within_an_hour("b")));
    CHECK(server.bodies == 1);
    CHECK(ok(perform(post("c"))).status == 200); // has no such time
}

TEST_CASE_METHOD(late_fixture, "a request whose time passes while it waits for a connection is not sent",
                 "[unit][http]")
{
    settings.max_connections = 1;
    std::atomic<bool> over = false;
    scripted_server server(who, [&](peer& p) {
        while (p.read()) {
            over = true;
            p.answer(200, "<ok/>");
        }
    });
    connect(server);
    clock.leaps = [&] { return over.load(); };
    const auto first = start(post("a"));
    const auto second = start(within_an_hour("b"));
    run();
    CHECK(ok(**first).status == 200);
    check_unsent(**second);
    CHECK(server.bodies == 1);
}

TEST_CASE_METHOD(late_fixture, "a request whose time passes while its connection is made is not sent",
                 "[unit][http]")
{
    scripted_server server(who, scripted_server::always());
    connect(server);
    clock.leaps = [&] { return server.connections > 0; };
    check_unsent(perform(within_an_hour("a")));
    CHECK(server.connections == 1);
    CHECK(server.bodies == 0);
}

TEST_CASE_METHOD(late_fixture, "a request whose time passes while the password is read is not sent",
                 "[unit][http]")
{
    scripted_server server(who, scripted_server::always());
    connect(server);
    std::atomic<bool> over = false;
    settings.password = [&]() -> result<secret> {
        over = true;
        return secret("right");
    };
    connect(server);
    clock.leaps = [&] { return over.load(); };
    check_unsent(perform(within_an_hour("a")));
    CHECK(server.bodies == 0);
}

TEST_CASE_METHOD(late_fixture,
                 "a request whose time passes between the legs of a sign-in is not sent, and holds nobody up",
                 "[unit][http][signin]")
{
    const account_file users("right");
    settings.auth = http::auth_scheme::ntlm;
    sign_in_counts counts;
    acceptor_wish wish{.binding = signin::tls_server_end_point(who.der()).value()};
    scripted_server server(who, [&](peer& p) { serve_signed_in(p, wish, counts); });
    connect(server);
    // The first leg has no body.
    clock.leaps = [&] { return server.handshakes > 0; };
    const auto late = start(within_an_hour("a"));
    const auto other = start(post("b"));
    run();
    check_unsent(**late);
    CHECK(ok(**other).body == "<b/>");
    CHECK(counts.refused == 0);
}

} // namespace
} // namespace relay::test
