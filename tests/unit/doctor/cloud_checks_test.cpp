// What a failed attempt to reach the cloud means, where a loopback network cannot play it.
#include "agent/doctor/cloud_checks.hpp"
#include "agent/doctor/wording.hpp"
#include "common/tls/tls_error.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace relay::doctor {
namespace {

using Catch::Matchers::Contains;
using uplink::step;

// An attempt that failed at `at`, every step before it done.
cloud_findings failing(step at, const error_code& ec, const std::string& proxy = {})
{
    cloud_findings f;
    f.address = {"wss", "relay.example", 443, "/v1/connect"};
    f.dialled.proxy = proxy;
    for (const auto s : {step::name, step::tcp, step::proxy, step::tls, step::upgrade}) {
        if (s == at)
            break;
        if (s != step::proxy || !proxy.empty())
            f.dialled.steps.push_back({s, "192.0.2.7", 1ms});
    }
    f.failure = uplink::failed{at, ec, "it failed"};
    return f;
}

check find(const std::vector<check>& checks, std::string_view name)
{
    const auto found = std::ranges::find(checks, name, &check::name);
    REQUIRE(found != checks.end());
    return *found;
}

// Meaning and advice of the check that failed.
std::string told(const cloud_findings& f, std::string_view name)
{
    const auto c = find(cloud_checks(f), name);
    CHECK_FALSE(c.ok);
    return c.message + " -> " + c.advice;
}

std::string tcp(const error_code& ec)
{
    return told(failing(step::tcp, ec), "cloud_tcp");
}

TEST_CASE("a name that is not known is told from a DNS that does not answer", "[unit][doctor]")
{
    CHECK_THAT(told(failing(step::name, asio::error::host_not_found), "cloud_name"),
               Contains("no such name as relay.example") && Contains("cloud.url"));
    for (const error_code dead :
         {error_code(asio::error::host_not_found_try_again), error_code(asio::error::timed_out)})
        CHECK_THAT(told(failing(step::name, dead), "cloud_name"),
                   Contains("DNS server of this machine does not answer") && Contains("network team"));
}

TEST_CASE("each way not to get a TCP connection has its own sentence", "[unit][doctor]")
{
    CHECK_THAT(tcp(asio::error::connection_refused),
               Contains("nothing listens") && Contains("firewall team"));
    CHECK_THAT(tcp(asio::error::network_unreachable), Contains("no route") && Contains("ip route"));
    CHECK_THAT(tcp(asio::error::host_unreachable), Contains("no route"));
    CHECK_THAT(tcp(asio::error::timed_out), Contains("drops the packets") &&
                                                Contains("relay.example port 443/TCP") &&
                                                Contains("cloud.proxy"));
    CHECK_THAT(tcp(asio::error::no_permission), Contains("this machine itself"));
}

TEST_CASE("what comes after a failure is not tried, and what came before it was well", "[unit][doctor]")
{
    const auto checks = cloud_checks(failing(step::tls, asio::error::timed_out));
    CHECK(find(checks, "cloud_name").ok);
    CHECK(find(checks, "cloud_tcp").ok);
    CHECK(find(checks, "cloud_proxy").ok);
    CHECK_THAT(find(checks, "cloud_tls").message, Contains("a firewall holds it back"));
    CHECK_THAT(find(checks, "cloud_websocket").message,
               Contains("not tried: the step before it failed (TLS)"));
    CHECK_THAT(find(checks, "clock").message, Contains("not tried"));
    for (const auto& c : checks)
        CHECK((c.ok || !c.message.empty()));
}

TEST_CASE("with a proxy, name and TCP are the proxy's", "[unit][doctor]")
{
    const std::string proxy = "proxy.corp.example:3128";
    CHECK_THAT(told(failing(step::name, asio::error::host_not_found, proxy), "cloud_name"),
               Contains("no such name as proxy.corp.example") && Contains("cloud.proxy"));
    CHECK_THAT(told(failing(step::tcp, asio::error::connection_refused, proxy), "cloud_tcp"),
               Contains("the proxy proxy.corp.example:3128 is there but refuses"));
    CHECK_THAT(told(failing(step::proxy, errc::protocol_violation, proxy), "cloud_proxy"),
               Contains("no HTTP proxy"));
    CHECK_THAT(told(failing(step::proxy, asio::error::timed_out, proxy), "cloud_proxy"),
               Contains("does not answer") && Contains("relay.example port 443"));
}

TEST_CASE("TLS inspection is told from a wrong CA by what is known of the CA", "[unit][doctor]")
{
    auto f = failing(step::tls, tls::tls_error::unknown_issuer);
    f.dialled.peer.issuer = "CN=Corp CA";
    f.ca_file = "/etc/cloud-ca.crt";
    CHECK_THAT(told(f, "cloud_tls"), Contains("wrong CA") && Contains("\"CN=Corp CA\""));
    f.ca_told_by_cloud = true;
    CHECK_THAT(told(f, "cloud_tls"), Contains("opens TLS on the way") && Contains("\"CN=Corp CA\""));
    f.ca_told_by_cloud = false;
    f.dialled.peer.issuer = "CN=FortiGate CA,O=Fortinet";
    CHECK_THAT(told(f, "cloud_tls"), Contains("opens TLS on the way") && Contains("Fortinet"));
    f.ca_file.clear();
    f.dialled.peer.issuer = "CN=Anything";
    CHECK_THAT(told(f, "cloud_tls"), Contains("opens TLS on the way"));
}

TEST_CASE("a certificate of the cloud that is not valid yet speaks of this machine's clock", "[unit][doctor]")
{
    CHECK_THAT(told(failing(step::tls, tls::tls_error::not_yet_valid), "cloud_tls"),
               Contains("clock is behind"));
}

TEST_CASE("what the cloud holds against our certificate is told apart", "[unit][doctor]")
{
    for (const auto at : {step::tls, step::upgrade}) {
        const auto name = at == step::tls ? "cloud_tls" : "cloud_websocket";
        CHECK_THAT(told(failing(at, tls::tls_error::ours_revoked), name), Contains("has revoked"));
        CHECK_THAT(told(failing(at, tls::tls_error::ours_expired), name), Contains("for expired"));
        CHECK_THAT(told(failing(at, tls::tls_error::ours_unknown_issuer), name), Contains("does not take"));
    }
}

TEST_CASE("the clock is compared with the cloud's, whatever became of the link", "[unit][doctor]")
{
    auto f = failing(step::upgrade, asio::error::access_denied);
    f.dialled.server_time = utc_time(std::chrono::hours(500'000));
    f.seen_at = *f.dialled.server_time + 30s;
    CHECK(find(cloud_checks(f), "clock").ok);
    f.seen_at = *f.dialled.server_time - std::chrono::minutes(7);
    CHECK_THAT(told(f, "clock"), Contains("7 min behind"));
    f.seen_at = *f.dialled.server_time + std::chrono::days(3);
    CHECK_THAT(told(f, "clock"), Contains("3 days ahead"));
}

TEST_CASE("a progress tells of each check in its order", "[unit][doctor]")
{
    std::string heard;
    progress p({[&](std::string_view name) { heard += "<" + std::string(name) + ">"; },
                [&](const check& c) { heard += c.name + (c.ok ? "+" : "-"); }});
    p.begin("a");
    p.end(check{"a", true, "well", {}});
    p.end(not_tried("b", "no reason"));
    CHECK(heard == "<a>a+b-");
    CHECK_FALSE(all_well(p.so_far()));
    CHECK(p.so_far()[1].message == "not tried: no reason");
}

} // namespace
} // namespace relay::doctor
