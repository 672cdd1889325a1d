// Signing in by NTLM and Negotiate, against gss-ntlmssp as the server.
#include "agent/http/cause.hpp"
#include "agent/signin/channel_binding.hpp"
#include "tests/unit/http/acceptor.hpp"
#include "tests/unit/http/http_fixture.hpp"

#include <boost/asio/steady_timer.hpp>

#include <catch2/catch.hpp>

namespace relay::test {
namespace {

using http::channel_binding;

struct sign_in_fixture : http_fixture {
    account_file users{"right"};
    sign_in_counts counts;
    acceptor_wish wish;

    sign_in_fixture()
    {
        settings.auth = http::auth_scheme::ntlm;
        wish.binding = signin::tls_server_end_point(who.der()).value();
    }
    scripted_server::script play(int max_requests = 0)
    {
        return [this, max_requests](peer& p) { serve_signed_in(p, wish, counts, max_requests); };
    }
};

TEST_CASE_METHOD(sign_in_fixture, "a wrong NTLM password is refused once with a fixed binding",
                 "[unit][http][signin]")
{
    password = "wrong";
    settings.channel_binding = GENERATE(channel_binding::always, channel_binding::never);
    scripted_server server(who, play());
    connect(server);
    for (int i = 0; i < 3; ++i) {
        const auto got = perform(post("a"));
        REQUIRE(got.has_value());
        CHECK(got->status == 401);
        CHECK(got->refused_sign_in);
    }
    CHECK(counts.refused == 1);
    CHECK(client->now().refused == 1);
    CHECK(client->now().account_refused);
}

TEST_CASE_METHOD(sign_in_fixture, "a wrong NTLM password is refused twice where the binding is found out",
                 "[unit][http][signin]")
{
    password = "wrong";
    scripted_server server(who, play());
    connect(server);
    for (int i = 0; i < 3; ++i)
        CHECK(ok(perform(post("a"))).refused_sign_in);
    CHECK(counts.refused == 2);
}

TEST_CASE_METHOD(sign_in_fixture, "a server that requires the binding refuses a sign-in without",
                 "[unit][http][signin]")
{
    settings.channel_binding = channel_binding::never;
    wish.protection = extended_protection::require;
    scripted_server server(who, play());
    connect(server);
    CHECK(ok(perform(post("a"))).refused_sign_in);
    CHECK(counts.accepted == 0);
}

TEST_CASE_METHOD(sign_in_fixture, "NTLM signs a connection in once, whatever the server makes of the binding",
                 "[unit][http][signin]")
{
    wish.protection =
        GENERATE(extended_protection::off, extended_protection::allow, extended_protection::require);
    scripted_server server(who, play());
    connect(server);
    for (int i = 0; i < 4; ++i) {
        const auto got = perform(post("a"));
        REQUIRE(got.has_value());
        CHECK(got->status == 200);
        CHECK(got->body == "<a/>");
    }
    CHECK(server.connections == 1);
    CHECK(counts.accepted == 1);
    CHECK(counts.refused == 0);
    CHECK(server.bodies == 4);
}

TEST_CASE_METHOD(sign_in_fixture,
                 "where another certificate stands between, the sign-in works without the binding",
                 "[unit][http][signin]")
{
    wish.binding = signin::tls_server_end_point(authority().issue().der()).value();
    scripted_server server(who, play(1));
    connect(server);
    CHECK(ok(perform(post("a"))).status == 200);
    CHECK(counts.refused == 1);
    server.await_closed(2);
    CHECK(ok(perform(post("b"))).status == 200); // a new connection: what worked is remembered
    CHECK(counts.refused == 1);
    CHECK(counts.accepted == 2);
}

TEST_CASE_METHOD(sign_in_fixture,
                 "a connection that the server closed is signed in anew, the request sent once",
                 "[unit][http][signin]")
{
    scripted_server server(who, play(2));
    connect(server);
    for (int i = 0; i < 5; ++i) {
        server.await_closed(i / 2);
        CHECK(ok(perform(post("a"))).status == 200);
    }
    CHECK(server.connections == 3);
    CHECK(counts.accepted == 3);
    CHECK(server.bodies == 5);
}

TEST_CASE_METHOD(sign_in_fixture,
                 "a connection that the server has forgotten is signed in anew, and nobody notices",
                 "[unit][http][signin]")
{
    scripted_server server(who, [this](peer& p) {
        serve_signed_in(p, wish, counts, 2);
        while (p.read()) // the application pool was recycled
            p.answer(401, "", "WWW-Authenticate: NTLM\r\n");
    });
    connect(server);
    for (int i = 0; i < 6; ++i)
        CHECK(ok(perform(post("a"))).status == 200);
    CHECK(server.connections == 3);
    CHECK(counts.accepted == 3);
    CHECK(counts.refused == 0);
    CHECK(client->now().refused == 0);
}

TEST_CASE_METHOD(sign_in_fixture,
                 "a server that wants a sign-in with every request gets one, without asking first",
                 "[unit][http][signin]")
{
    scripted_server server(who, [this](peer& p) {
        serve_signed_in(p, wish, counts, 1);
        while (p.read())
            p.answer(401, "", "WWW-Authenticate: NTLM\r\n");
    });
    connect(server);
    for (int i = 0; i < 6; ++i)
        CHECK(ok(perform(post("a"))).status == 200);
    CHECK(counts.accepted == 6);
    CHECK(server.bodies == 6 + 2); // it was tried twice
}

// Stands still while requests run on real sockets; only the gate looks at it.
class standing_time final : public time_source {
public:
    steady_time now() const override { return now_; }
    utc_time utc_now() const override { return {}; }
    task<error_code> sleep_for(duration) override
    {
        asio::steady_timer forever(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
        const auto [ec] = co_await forever.async_wait(use_tuple);
        co_return ec;
    }
    steady_time now_{1h};
};

TEST_CASE_METHOD(
    sign_in_fixture,
    "a probe of a refused account is one refusal, and takes the password that lies there by then",
    "[unit][http][signin]")
{
    standing_time clock;
    password = "wrong";
    wish.protection = extended_protection::require; // takes only those that are bound
    scripted_server server(who, play());
    settings.url = server.url();
    client = std::make_unique<http::client>(settings, clock);
    CHECK(ok(perform(post("a"))).refused_sign_in);
    CHECK(counts.refused == 2);
    for (int probe = 1; probe <= 3; ++probe) {
        clock.now_ += 300s;
        CHECK(ok(perform(post("a"))).refused_sign_in);
        CHECK(ok(perform(post("a"))).refused_sign_in);
        CHECK(counts.refused == 2 + probe);
    }
    password = "right"; // where it is kept: a probe reads it first
    clock.now_ += 300s;
    CHECK(ok(perform(post("a"))).status == 200);
    CHECK(counts.refused == 5);
    CHECK_FALSE(client->now().account_refused);
}

TEST_CASE_METHOD(sign_in_fixture, "NTLM over plain http works where it is allowed, without a binding",
                 "[unit][http][signin]")
{
    settings.allow_plaintext = true;
    wish.protection = extended_protection::off;
    scripted_server server(who, play(), scripted_server::security::plain);
    connect(server);
    CHECK(ok(perform(post("a"))).status == 200);
    CHECK(ok(perform(post("a"))).status == 200);
    CHECK(counts.accepted == 1);
}

TEST_CASE_METHOD(sign_in_fixture, "a server without NTLM is said to offer something else",
                 "[unit][http][signin]")
{
    scripted_server server(who, [](peer& p) {
        while (p.read())
            p.answer(401, "", "WWW-Authenticate: Negotiate, Basic realm=\"x\"\r\n");
    });
    connect(server);
    const auto got = perform(post("a"));
    REQUIRE(got.has_error());
    CHECK(got.error().code == failure::unauthorized);
    CHECK(got.error().how_far == http::reached::nothing);
    CHECK(got.error().message ==
          "localhost:" + std::to_string(server.port()) + " does not offer NTLM (it offers Negotiate, Basic)");
    CHECK(server.bodies == 0);
}

TEST_CASE_METHOD(sign_in_fixture, "a sign-in that loses its connection leaves the request unsent",
                 "[unit][http][signin]")
{
    scripted_server server(who, [](peer& p) {
        p.read();
        p.answer(401, "",
                 "Connection: close\r\nWWW-Authenticate: NTLM "
                 "TlRMTVNTUAACAAAAAAAAADgAAAABAAAAAAAAAAAAAAAAAAAAAAAAADgAAAAAAAAAAAAAAA==\r\n");
    });
    connect(server);
    const auto got = perform(post("a"));
    REQUIRE(got.has_error());
    CHECK(got.error().how_far == http::reached::nothing);
    CHECK(server.bodies == 0);
}

TEST_CASE_METHOD(sign_in_fixture, "a new password is read after a refusal, and tried once",
                 "[unit][http][signin]")
{
    password = "old";
    settings.channel_binding = channel_binding::always;
    settings.password = [this]() -> result<secret> {
        return secret(password_reads++ == 0 ? "old" : "right");
    };
    scripted_server server(who, play());
    connect(server);
    CHECK(ok(perform(post("a"))).status == 200);
    CHECK(counts.refused == 1);
    CHECK(counts.accepted == 1);
    CHECK(password_reads == 2);
}

TEST_CASE_METHOD(sign_in_fixture, "connections sign in one after the other", "[unit][http][signin]")
{
    password = "wrong";
    settings.channel_binding = channel_binding::always;
    scripted_server server(who, play());
    connect(server);
    std::vector<std::shared_ptr<answer>> all;
    for (int i = 0; i < 8; ++i)
        all.push_back(start(post("a")));
    run();
    for (const auto& one : all)
        CHECK(ok(**one).refused_sign_in);
    CHECK(counts.refused == 1);
}

TEST_CASE_METHOD(sign_in_fixture, "eight requests at once sign eight connections in", "[unit][http][signin]")
{
    scripted_server server(who, play());
    connect(server);
    std::vector<std::shared_ptr<answer>> all;
    for (int i = 0; i < 8; ++i)
        all.push_back(start(post("a")));
    run();
    for (const auto& one : all)
        CHECK(ok(**one).status == 200);
    CHECK(counts.accepted <= 8);
    CHECK(counts.refused == 0);
    CHECK(counts.accepted == server.connections);
    CHECK(server.bodies == 8);
}

TEST_CASE_METHOD(sign_in_fixture, "Negotiate falls back to NTLM inside SPNEGO where there is no Kerberos",
                 "[unit][http][signin]")
{
    settings.auth = http::auth_scheme::negotiate;
    wish.scheme = "Negotiate";
    scripted_server server(who, play());
    connect(server);
    const auto got = perform(post("a"));
    if (got.has_error())
        FAIL(got.error().message);
    CHECK(got->status == 200);
    CHECK(ok(perform(post("b"))).body == "<b/>");
    CHECK(counts.accepted == 1);
}

} // namespace
} // namespace relay::test
