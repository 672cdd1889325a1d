// Dials a loopback cloud with the real connector, on real sockets and the real clock.
#pragma once

#include "agent/uplink/tls_connector.hpp"
#include "tests/unit/uplink/loopback_cloud.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

namespace relay::test {

struct dialling_fixture {
    asio::io_context context{1};
    real_time time;
    test_pki pki;
    issued agent = pki.issue({"agent-1", "", -1, 30});
    cloud_manner manner{.identity = pki.issue(),
                        .client_ca = pki.authority(),
                        .answer = {},
                        .garbage_before_tls = {},
                        .serve = {}};
    uplink::dial_settings settings{
        .url = {}, .files = {agent.certificate, agent.key, pki.authority()}, .proxy = {}, .environment = {}};
    std::unique_ptr<loopback_cloud> cloud;
    std::unique_ptr<loopback_proxy> proxy;
    uplink::tls_connector dialer{context.get_executor(), time};
    uplink::dial_report report;

    ~dialling_fixture()
    {
        if (cloud)
            end(*cloud);
        if (proxy)
            end(*proxy);
    }
    // On the loop, as everything that cancels: asio's co_spawn passes a cancel from elsewhere on by a post, which may
    // find the child gone.
    template <class Server>
    void end(Server& s)
    {
        asio::post(context, [&] { s.stop(); });
        await(s.gone());
    }

    uplink::outcome<uplink::link_ptr> dial()
    {
        open_cloud();
        if (settings.url.empty())
            settings.url = cloud->url();
        const auto ready = dialer.load(settings);
        if (ready.has_error())
            return ready.error();
        return await(dialer.dial(report));
    }
    void open_cloud()
    {
        if (!cloud)
            cloud = std::make_unique<loopback_cloud>(context, manner);
    }
    void through_proxy(std::string answer, bool hangs = false)
    {
        proxy = std::make_unique<loopback_proxy>(context, std::move(answer), hangs);
        settings.proxy = {uplink::proxy_rule::mode::fixed, {"127.0.0.1", proxy->port(), {}, {}}};
    }
    // The sentence of a dial that must fail, with the port replaced.
    std::string failure(uplink::step at)
    {
        auto link = dial();
        REQUIRE(link.has_error());
        CHECK(name(link.error().at) == name(at));
        return masked(link.error().message);
    }
    std::string masked(std::string text) const
    {
        const auto mask = [&](std::uint16_t port, const std::string& name) {
            for (auto at = text.find(std::to_string(port)); at != text.npos;
                 at = text.find(std::to_string(port)))
                text.replace(at, std::to_string(port).size(), name);
        };
        if (cloud)
            mask(cloud->port(), "PORT");
        if (proxy)
            mask(proxy->port(), "PROXY");
        constexpr std::string_view address = " (at 127.0.0.1)"; // that localhost stands for
        if (text.ends_with(address))
            text.resize(text.size() - address.size());
        return text;
    }

    template <class T>
    T await(task<T> work)
    {
        std::optional<T> answer;
        std::exception_ptr failed;
        asio::co_spawn(context, std::move(work), [&](std::exception_ptr error, T value) {
            failed = error;
            answer.emplace(std::move(value));
        });
        run_until([&] { return answer.has_value(); });
        REQUIRE_FALSE(failed);
        return *std::move(answer);
    }
    void await(task<void> work)
    {
        bool done = false;
        asio::co_spawn(context, std::move(work), [&](std::exception_ptr) { done = true; });
        run_until([&] { return done; });
    }
    template <class Condition>
    void run_until(Condition done)
    {
        const auto limit = std::chrono::steady_clock::now() + 20s;
        context.restart();
        while (!done() && std::chrono::steady_clock::now() < limit)
            context.run_one_for(100ms);
        REQUIRE(done());
    }
};

} // namespace relay::test
