// What the uplink decides without touching a socket: addresses, proxies, pauses, pings.
#include "agent/uplink/heartbeat.hpp"
#include "agent/uplink/proxy_choice.hpp"
#include "agent/uplink/reconnect_policy.hpp"
#include "agent/uplink/tcp_race.hpp"
#include "agent/uplink/websocket_link.hpp"
#include "agent/uplink/wording.hpp"
#include "common/time/rfc3339.hpp"

#include <catch2/catch.hpp>

#include <map>

namespace relay::uplink {

TEST_CASE("a cloud URL that is no plain wss:// URL is refused", "[unit][uplink]")
{
    for (const auto* bad :
         {"", "relay.example", "ws://relay.example/", "https://relay.example/", "wss://", "wss:///v1/connect",
          "wss://user:secret@relay.example/", "wss://relay.example/#x", "wss://relay.example:99999/",
          "wss://relay.example:0/", "wss://relay .example/", "wss://[::1/"}) {
        INFO(bad);
        CHECK(parse_web_url(bad, "wss").has_error());
    }
}

TEST_CASE("a cloud URL is taken apart", "[unit][uplink]")
{
    const auto plain = parse_web_url("wss://relay.example/v1/connect?x=1", "wss");
    REQUIRE(plain.has_value());
    CHECK(plain->authority() == "relay.example:443");
    CHECK(plain->target == "/v1/connect?x=1");
    const auto bare = parse_web_url("WSS://relay.example:8443", "wss");
    REQUIRE(bare.has_value());
    CHECK(bare->port == 8443);
    CHECK(bare->target == "/");
    const auto six = parse_web_url("wss://[2001:db8::7]:8443/x", "wss");
    REQUIRE(six.has_value());
    CHECK(six->host == "2001:db8::7");
    CHECK(six->authority() == "[2001:db8::7]:8443");
}

TEST_CASE("user and password of a proxy are percent-decoded", "[unit][uplink]")
{
    const auto proxy = parse_proxy_url("http://corp%5Csvc:p%40ss%3A%2F@proxy.corp.example:3128");
    REQUIRE(proxy.has_value());
    CHECK(proxy->authority() == "proxy.corp.example:3128");
    CHECK(proxy->username == "corp\\svc");
    CHECK(proxy->password.reveal() == "p@ss:/");
    CHECK(parse_proxy_url("proxy:3128")->authority() == "proxy:3128");
    CHECK(parse_proxy_url("http://proxy")->port == 80);
    CHECK(parse_proxy_url("http://proxy")->username.empty());
}

TEST_CASE("a bad proxy URL is refused without repeating it", "[unit][uplink]")
{
    for (const auto* bad : {"ftp://u:secret@proxy:1", "socks5://u:secret@proxy:1", "http://u:sec ret@proxy",
                            "http://", "http://a%3Ab:secret@proxy:1", "http://u:secret@proxy:0"}) {
        const auto proxy = parse_proxy_url(bad);
        REQUIRE(proxy.has_error());
        CHECK(proxy.error().message.find("secret") == std::string::npos);
    }
}

TEST_CASE("NO_PROXY names hosts, domains, addresses and ports", "[unit][uplink]")
{
    CHECK_FALSE(bypasses_proxy("", "relay.example", 443));
    CHECK_FALSE(bypasses_proxy(" ,, ", "relay.example", 443));
    CHECK(bypasses_proxy("*", "relay.example", 443));
    CHECK(bypasses_proxy("relay.example", "RELAY.example", 443));
    CHECK(bypasses_proxy("other, .example", "relay.example", 443));
    CHECK(bypasses_proxy("example", "relay.example.", 443));
    CHECK_FALSE(bypasses_proxy("lay.example", "relay.example", 443));
    CHECK_FALSE(bypasses_proxy("relay.example", "example", 443));
    CHECK(bypasses_proxy("relay.example:443", "relay.example", 443));
    CHECK_FALSE(bypasses_proxy("relay.example:8443", "relay.example", 443));
    CHECK(bypasses_proxy("10.0.0.1,127.0.0.1", "127.0.0.1", 443));
    CHECK_FALSE(bypasses_proxy("0.0.1", "10.0.0.1", 443));
    CHECK(bypasses_proxy("::1", "::1", 443));
    CHECK(bypasses_proxy("[::1]:443", "::1", 443));
    CHECK_FALSE(bypasses_proxy("[::1", "::1", 443));
    CHECK_FALSE(bypasses_proxy("[::1]:80", "::1", 443));
    CHECK(bypasses_proxy("0:0:0:0:0:0:0:1", "::1", 443));
    CHECK(bypasses_proxy("*.Example", "relay.example", 443));
    CHECK(bypasses_proxy(".EXAMPLE:443", "relay.example", 443));
    CHECK_FALSE(bypasses_proxy(".example:80", "relay.example", 443));
}

TEST_CASE("NO_PROXY holds ranges of addresses", "[unit][uplink]")
{
    for (const auto* inside : {"10.0.0.0/8", "10.1.2.0/23", "10.1.2.3/32", "0.0.0.0/0", "::ffff:10.1.2.3/32",
                               "192.0.2.0/24,10.0.0.0/8"})
        CHECK(bypasses_proxy(inside, "10.1.2.3", 443));
    for (const auto* outside : {"11.0.0.0/8", "10.1.0.0/23", "10.1.2.2/32", "10.0.0.0/33", "10.0.0.0/", "/8",
                                "10.0.0.0/8x", "10.0.0.0/-1", "fd00::/8", "::/0", "relay.example/8"})
        CHECK_FALSE(bypasses_proxy(outside, "10.1.2.3", 443));
    CHECK(bypasses_proxy("10.0.0.0/8", "::ffff:10.1.2.3", 443));
    CHECK(bypasses_proxy("fd00::/8", "fd12:3456::1", 443));
    CHECK(bypasses_proxy("2001:db8::/33", "2001:db8:7fff::1", 443));
    CHECK_FALSE(bypasses_proxy("2001:db8::/33", "2001:db8:8000::1", 443));
    CHECK_FALSE(bypasses_proxy("10.0.0.0/8", "relay.example", 443)); // names are not looked up
}

TEST_CASE("the environment's proxy counts only where the rule says so", "[unit][uplink]")
{
    std::map<std::string, std::string> variables{{"HTTPS_PROXY", "http://upper:1"},
                                                 {"NO_PROXY", "inside.example"}};
    const auto read = [&](const char* name) { return variables[name]; };
    const web_url outside{"wss", "relay.example", 443, "/"}, inside{"wss", "relay.inside.example", 443, "/"};
    proxy_rule rule;
    CHECK_FALSE(choose_proxy(rule, outside, read)->has_value());
    rule.how = proxy_rule::mode::environment;
    CHECK((*choose_proxy(rule, outside, read))->host == "upper");
    CHECK_FALSE(choose_proxy(rule, inside, read)->has_value());
    variables["https_proxy"] = "lower:2";
    CHECK((*choose_proxy(rule, outside, read))->authority() == "lower:2");
    variables["https_proxy"] = "socks5://u:secret@lower";
    CHECK(choose_proxy(rule, outside, read).error().message.find("secret") == std::string::npos);
    CHECK_FALSE(choose_proxy(rule, outside, {})->has_value());
    rule = {proxy_rule::mode::fixed, {"fixed", 8080, {}, {}}};
    CHECK((*choose_proxy(rule, inside, read))->host == "fixed");
}

TEST_CASE("pauses follow what ended the last link", "[unit][uplink]")
{
    reconnect_policy policy(7);
    for (int i = 0; i < 50; ++i)
        CHECK(policy.after_failure() <= 60s);
    CHECK(policy.after_failure(31s) <= 500ms);
    CHECK(policy.after_reject(300s) == 300s);
    CHECK(policy.after_reject(0s) == 1s);
    CHECK(policy.after_reject(std::chrono::hours(1000)) == 24h);
    CHECK(policy.after_drain(2s, 1h) == 2s);
    CHECK(policy.after_drain(24h, 1h) == 5min);
    CHECK(policy.after_drain(-1s, 1h) == 0s);
}

TEST_CASE("a heartbeat pings, and after a suspend finds the link dead instead of catching up",
          "[unit][uplink]")
{
    const steady_time start{1h};
    heartbeat beat(20s, start);
    CHECK(beat.next(start, start).wait == 20s);
    CHECK(beat.next(start + 20s, start).what == heartbeat::action::ping);
    CHECK(beat.next(start + 21s, start + 20s).what == heartbeat::action::wait);
    CHECK(beat.next(start + 40s, start + 20s).what == heartbeat::action::ping);
    CHECK(beat.next(start + 60s, start + 20s).what == heartbeat::action::dead);
    CHECK(beat.next(start + 10h, start + 10h - 1s).what == heartbeat::action::ping);
    CHECK(beat.next(start + 10h, start + 10h).wait == 20s);
    CHECK(heartbeat(0s, start).interval() == 1s);
    CHECK(heartbeat(std::chrono::hours(1000), start).interval() == 1h);
}

TEST_CASE("the two address families are tried by turns", "[unit][uplink]")
{
    using asio::ip::tcp;
    std::vector<tcp::endpoint> all;
    for (const auto* a : {"2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"})
        all.emplace_back(asio::ip::make_address(a), static_cast<unsigned short>(443));
    const auto order = by_turns(all);
    REQUIRE(order.size() == 5);
    CHECK(order[1] == all[3]);
    CHECK(order[2] == all[1]);
    CHECK(order[4] == all[2]);
    CHECK(by_turns({}).empty());
    CHECK(by_turns(std::vector<tcp::endpoint>(50, all[0])).size() == most_addresses);
}

TEST_CASE("the address that worked last is dialled first, and one that failed only when no other is left",
          "[unit][uplink]")
{
    using asio::ip::tcp;
    std::vector<tcp::endpoint> all;
    for (const auto* a : {"192.0.2.1", "192.0.2.2", "192.0.2.3"})
        all.emplace_back(asio::ip::make_address(a), static_cast<unsigned short>(443));
    http::address_memory memory;
    CHECK(in_order(memory, all).first == all);
    memory.failed(all[0].address());
    memory.worked(all[2].address());
    const auto order = in_order(memory, all);
    CHECK(order.first == std::vector{all[2], all[1]});
    CHECK(order.last == std::vector{all[0]});
    memory.failed(all[2].address());
    memory.failed(all[1].address());
    CHECK(in_order(memory, all).first == std::vector{all[0], all[2], all[1]}); // longest ago first
    CHECK(in_order(memory, all).last.empty());
}

TEST_CASE("the Date of an answer is read, and nothing else is taken for one", "[unit][uplink]")
{
    CHECK(parse_http_date("Sun, 22 Nov 2026 10:00:00 GMT") == *parse_rfc3339("2026-11-22T10:00:00Z"));
    for (const auto* bad :
         {"", "Sun, 22 Nov 2026 10:00:00 CET", "Sunday, 22-Nov-26 10:00:00 GMT",
          "Sun, 22 Xxx 2026 10:00:00 GMT", "Sun, 99 Nov 2026 10:00:00 GMT", "Sun Nov 22 10:00:00 2026     "})
        CHECK_FALSE(parse_http_date(bad).has_value());
}

TEST_CASE("what the cloud says cannot forge log lines", "[unit][uplink]")
{
    CHECK(printable("a\nb\x1b[31m") == "a?b?[31m");
    CHECK(printable("\xff") == "(unreadable text)");
    CHECK(printable(std::string(500, 'x')).size() == 200);
}

} // namespace relay::uplink
