// A refused service account, over Basic: what reaches the server, and when it is tried again.
#include "agent/http/cause.hpp"
#include "tests/support/manual_time.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/http/http_fixture.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

namespace relay::test {
namespace {

// The clock stands still while requests run on real sockets; only the gate looks at it.
class frozen_time final : public time_source {
public:
    steady_time now() const override { return now_; }
    utc_time utc_now() const override
    {
        return utc_time(std::chrono::floor<milliseconds>(now_.time_since_epoch()));
    }
    task<error_code> sleep_for(duration) override
    {
        asio::steady_timer forever(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
        const auto [ec] = co_await forever.async_wait(use_tuple);
        co_return ec;
    }
    steady_time now_{1h};
};

struct refusal_fixture : http_fixture {
    frozen_time clock;
    std::atomic<int> refused{0};
    std::atomic<bool> account_good{true};
    scripted_server server{who, [this](peer& p) {
                               while (const auto r = p.read()) {
                                   if (account_good &&
                                       r->header("authorization") == "Basic Q09SUFxzdmM6cmlnaHQ=") {
                                       p.answer(200, "<ok/>");
                                   } else {
                                       ++refused;
                                       p.answer(401, "", "WWW-Authenticate: Basic realm=\"x\"\r\n");
                                   }
                               }
                           }};

    refusal_fixture()
    {
        server.answers_proofs = false;
        settings.url = server.url();
        client = std::make_unique<http::client>(settings, clock);
    }
};

TEST_CASE_METHOD(refusal_fixture, "one wrong password is one refusal, however many requests there are",
                 "[unit][http][signin]")
{
    password = "wrong";
    std::vector<std::shared_ptr<answer>> all;
    for (int i = 0; i < 25; ++i)
        all.push_back(start(post("a")));
    run();
    for (const auto& one : all) {
        const auto got = ok(**one);
        CHECK(got.status == 401);
        CHECK(got.refused_sign_in);
    }
    CHECK(refused == 1);
    CHECK(server.bodies == 0);  // what was asked never left
    CHECK(password_reads == 2); // once more after the refusal; it was the same
    CHECK(client->now().account_refused);
}

TEST_CASE_METHOD(refusal_fixture, "a password changed between two bursts is one refusal",
                 "[unit][http][signin]")
{
    std::vector<std::shared_ptr<answer>> all;
    for (int i = 0; i < 10; ++i)
        all.push_back(start(post("a")));
    run();
    for (const auto& one : all)
        CHECK(ok(**one).status == 200);
    CHECK(server.connections > 1);
    all.clear();
    account_good = false;
    clock.now_ += 10ms;
    for (int i = 0; i < 10; ++i)
        all.push_back(start(post("a")));
    run();
    for (const auto& one : all)
        CHECK(ok(**one).refused_sign_in);
    CHECK(refused == 1);
}

TEST_CASE_METHOD(refusal_fixture, "a refused account is probed every five minutes until it works",
                 "[unit][http][signin]")
{
    account_good = false;
    CHECK(ok(perform(post("a"))).refused_sign_in);
    clock.now_ += 299s;
    CHECK(ok(perform(post("a"))).refused_sign_in);
    CHECK(refused == 1);
    clock.now_ += 1s;
    const auto probe = start(post("a")), other = start(post("b"));
    run();
    CHECK(ok(**probe).refused_sign_in);
    CHECK(ok(**other).refused_sign_in);
    CHECK(refused == 2);
    account_good = true;
    clock.now_ += 300s;
    CHECK(ok(perform(post("a"))).status == 200);
    CHECK(ok(perform(post("a"))).status == 200);
    CHECK_FALSE(client->now().account_refused);
    CHECK(client->now().refused == 2);
}

TEST_CASE_METHOD(refusal_fixture, "changed credentials are tried at once", "[unit][http][signin]")
{
    password = "wrong";
    CHECK(ok(perform(post("a"))).refused_sign_in);
    password = "right";
    CHECK(ok(perform(post("a"))).refused_sign_in);
    client->credentials_changed();
    CHECK(ok(perform(post("a"))).status == 200);
    CHECK(refused == 1);
}

TEST_CASE_METHOD(refusal_fixture, "a password that changed where it is kept is taken after the refusal",
                 "[unit][http][signin]")
{
    settings.password = [this]() -> result<secret> {
        return secret(password_reads++ == 0 ? "old" : "right");
    };
    client = std::make_unique<http::client>(settings, clock);
    std::vector<std::shared_ptr<answer>> all;
    for (int i = 0; i < 10; ++i)
        all.push_back(start(post("a")));
    run();
    for (const auto& one : all)
        CHECK(ok(**one).status == 200);
    CHECK(refused == 1);
    CHECK(password_reads == 2);
}

TEST_CASE_METHOD(refusal_fixture,
                 "a refusal outlives the client, until the credentials change or a probe succeeds",
                 "[unit][http][signin]")
{
    const temporary_folder folder;
    settings.refusal_file = folder.path() / "refused";
    const auto restart = [&] { client = std::make_unique<http::client>(settings, clock); };
    password = "wrong";
    for (int i = 0; i < 6; ++i) {
        restart();
        CHECK(ok(perform(post("a"))).refused_sign_in);
        clock.now_ += 10s;
    }
    CHECK(refused == 1);
    client->credentials_changed(); // so it is said, but they are the same
    CHECK(ok(perform(post("a"))).refused_sign_in);
    CHECK(refused == 1);

    clock.now_ += 241s; // a minute of the five had passed
    restart();
    CHECK(ok(perform(post("a"))).refused_sign_in);
    CHECK(refused == 2); // the probe
    restart();
    CHECK(ok(perform(post("a"))).refused_sign_in);
    CHECK(refused == 2);

    SECTION("another password")
    {
        password = "right";
        restart();
        CHECK(ok(perform(post("a"))).status == 200);
    }
    SECTION("another password in place, and told of")
    {
        password = "right";
        client->credentials_changed();
        CHECK(ok(perform(post("a"))).status == 200);
    }
    SECTION("the clock is set back meanwhile: no longer than five minutes")
    {
        clock.now_ -= 30min;
        restart();
        CHECK(ok(perform(post("a"))).refused_sign_in);
        password = "right"; // where it is kept: the probe takes it
        clock.now_ += 301s;
        CHECK(ok(perform(post("a"))).status == 200);
    }
    CHECK(refused == 2);
    CHECK_FALSE(std::filesystem::exists(settings.refusal_file));
}

TEST_CASE_METHOD(refusal_fixture, "what is kept of a refusal does not give the credentials away",
                 "[unit][http][signin]")
{
    const temporary_folder folder;
    settings.refusal_file = folder.path() / "refused";
    password = "planted-password";
    client = std::make_unique<http::client>(settings, clock);
    CHECK(ok(perform(post("a"))).refused_sign_in);
    std::ifstream in(settings.refusal_file);
    const std::string kept((std::istreambuf_iterator<char>(in)), {});
    CHECK(kept.size() > 70);
    CHECK(kept.find("planted") == kept.npos);
    CHECK(kept.find("svc") == kept.npos);
    using std::filesystem::perms;
    CHECK(std::filesystem::status(settings.refusal_file).permissions() ==
          (perms::owner_read | perms::owner_write));
    // Nor is it the same for the same credentials twice.
    clock.now_ += 301s;
    CHECK(ok(perform(post("a"))).refused_sign_in);
    std::ifstream again(settings.refusal_file);
    const std::string kept_then((std::istreambuf_iterator<char>(again)), {});
    CHECK(kept_then.substr(kept_then.size() / 2) != kept.substr(kept.size() / 2));
}

TEST_CASE_METHOD(refusal_fixture,
                 "a record that cannot be read, or written, costs a refusal and nothing else",
                 "[unit][http][signin]")
{
    const temporary_folder folder;
    settings.refusal_file = folder.path() / "refused";
    std::ofstream(settings.refusal_file) << "1 12345 half";
    client = std::make_unique<http::client>(settings, clock);
    CHECK(ok(perform(post("a"))).status == 200);
    CHECK_FALSE(std::filesystem::exists(settings.refusal_file));
    settings.refusal_file = folder.path() / "no-such-folder" / "refused";
    password = "wrong";
    client = std::make_unique<http::client>(settings, clock);
    CHECK(ok(perform(post("a"))).refused_sign_in);
    CHECK(ok(perform(post("a"))).refused_sign_in);
    CHECK(refused == 1);
}

TEST_CASE_METHOD(refusal_fixture, "without a readable password nothing is sent", "[unit][http][signin]")
{
    settings.password = []() -> result<secret> { return errc::bad_credentials_source; };
    client = std::make_unique<http::client>(settings, clock);
    const auto got = bad(perform(post("a")));
    CHECK(got.code == errc::bad_credentials_source);
    CHECK(got.how_far == http::reached::nothing);
    CHECK(server.connections == 0);
}

TEST_CASE_METHOD(refusal_fixture, "those who wait for a sign-in share its failure to get through",
                 "[unit][http][signin]")
{
    settings.url = "https://no-such-host.invalid/";
    client = std::make_unique<http::client>(settings, clock);
    std::vector<std::shared_ptr<answer>> all;
    for (int i = 0; i < 5; ++i)
        all.push_back(start(post("a")));
    run();
    for (const auto& one : all) {
        CHECK(bad(**one).code == http::cause::unreachable);
        CHECK(bad(**one).how_far == http::reached::nothing);
    }
    CHECK_FALSE(client->now().account_refused);
}

TEST_CASE_METHOD(http_fixture, "those who wait go on when the first answer begins, not when it ends",
                 "[unit][http][signin]")
{
    std::atomic<int> others{0};
    scripted_server server(who, [&](peer& p) {
        while (const auto r = p.read()) {
            if (r->body != "slow") {
                p.answer(200, "<ok/>");
                others.notify_all();
                if (++others == 3)
                    others.notify_all();
                continue;
            }
            p.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
            for (int n = others; n < 3; n = others)
                others.wait(n);
            p.write("lf");
        }
    });
    connect(server);
    const auto slow = start(post("slow", 20s));
    std::vector<std::shared_ptr<answer>> rest;
    for (int i = 0; i < 3; ++i)
        rest.push_back(start(post("quick")));
    run(); // would deadlock until the limit if they waited for the end
    CHECK(ok(**slow).body == "half");
    for (const auto& one : rest)
        CHECK(ok(**one).status == 200);
}

TEST_CASE_METHOD(http_fixture, "cancelling the one that tries lets the next one try", "[unit][http][signin]")
{
    std::atomic<int> arrived = 0;
    scripted_server server(who, [&](peer& p) {
        while (const auto r = p.read()) {
            if (++arrived == 1) {
                p.hang();
                return;
            }
            p.answer(200, "<ok/>");
        }
    });
    server.answers_proofs = false;
    connect(server);
    asio::cancellation_signal stop;
    const auto first = start(post("one"), stop.slot());
    run_until([&] { return arrived > 0; });
    const auto second = start(post("two"));
    context.poll();
    CHECK_FALSE(*second);
    stop.emit(asio::cancellation_type::terminal);
    run();
    CHECK(bad(**first).code == asio::error::operation_aborted);
    CHECK(ok(**second).status == 200);
}

} // namespace
} // namespace relay::test
