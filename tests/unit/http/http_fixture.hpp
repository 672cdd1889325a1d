// A client on a real loop against a scripted server, with short limits.
#pragma once

#include "agent/http/client.hpp"
#include "agent/http/connection.hpp"
#include "common/async/async.hpp"
#include "tests/unit/http/scripted_server.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <deque>
#include <optional>
#include <stdexcept>

namespace relay::test {

inline const test_authority& authority()
{
    static const test_authority one;
    return one;
}

inline http::request post(std::string body, duration limit = 5s)
{
    http::request r;
    r.body = std::move(body);
    r.limit = limit;
    return r;
}

struct http_fixture {
    identity who = authority().issue();
    asio::io_context context;
    real_time time;
    http::client_settings settings;
    std::unique_ptr<http::client> client;
    int under_way = 0;
    int password_reads = 0;
    std::string password = "right";

    http_fixture()
    {
        settings.auth = http::auth_scheme::basic;
        settings.username = "CORP\\svc";
        settings.password = [this]() -> result<secret> {
            ++password_reads;
            return secret(password);
        };
        settings.ca_file = authority().ca_file();
    }

    void connect(const scripted_server& server) { connect(server.url()); }
    void connect(std::string url)
    {
        settings.url = std::move(url);
        client = std::make_unique<http::client>(settings, time);
    }

    using answer = std::optional<http::outcome>;

    // Starts a request; its outcome appears in the returned place while the loop runs.
    std::shared_ptr<answer> start(http::request r, asio::cancellation_slot until = {})
    {
        auto place = std::make_shared<answer>();
        spawn(
            [](http::client& c, http::request what, std::shared_ptr<answer> to) -> task<void> {
                *to = co_await c.perform(std::move(what));
            }(*client, std::move(r), place),
            until);
        return place;
    }

    void spawn(task<void> child, asio::cancellation_slot until = {})
    {
        ++under_way;
        asio::co_spawn(context, std::move(child),
                       asio::bind_cancellation_slot(until, [this](std::exception_ptr e) {
                           --under_way;
                           if (e)
                               std::rethrow_exception(e);
                       }));
    }

    // Until everything that was started is over. (Idle connections keep their timer, so the loop does not run dry.)
    void run()
    {
        context.restart();
        while (under_way > 0 && context.run_one() > 0) {
        }
    }

    // Until something happened on the server's threads; fails the test where it never does.
    template <class Condition>
    void run_until(Condition happened)
    {
        context.restart();
        const auto patience = std::chrono::steady_clock::now() + 10s;
        while (!happened()) {
            if (std::chrono::steady_clock::now() > patience)
                throw std::runtime_error("what the test waits for does not happen");
            context.run_one_for(1ms);
        }
    }

    http::outcome perform(http::request r)
    {
        const auto place = start(std::move(r));
        run();
        return std::move(**place);
    }
};

// The answer of a request that has to succeed.
inline http::response ok(http::outcome got)
{
    if (got.has_error())
        throw std::runtime_error(got.error().message);
    return std::move(*got);
}

// The failure of one that has to fail.
inline http::failed bad(http::outcome got)
{
    if (got.has_value())
        throw std::runtime_error("answered with " + std::to_string(got->status));
    return got.error();
}

} // namespace relay::test
