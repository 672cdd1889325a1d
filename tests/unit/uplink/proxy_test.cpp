// Dialling through an HTTP proxy, the unfriendly ones first.
#include "tests/unit/uplink/dialling_fixture.hpp"

namespace relay::test {

using Catch::Matchers::Contains;
using uplink::step;

TEST_CASE_METHOD(dialling_fixture, "a proxy that wants a sign-in says which", "[unit][uplink][proxy]")
{
    through_proxy("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\n"
                  "Proxy-Authenticate: Basic realm=\"corp\"\r\nContent-Length: 0\r\n\r\n");
    CHECK(failure(step::proxy) ==
          "the proxy 127.0.0.1:PROXY wants a user name and a password (it offers: Negotiate, Basic)");
}

TEST_CASE_METHOD(dialling_fixture, "a proxy that refuses the password is told apart, and the password kept",
                 "[unit][uplink][proxy]")
{
    through_proxy("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"corp\"\r\n\r\n");
    settings.proxy.address.username = "svc";
    settings.proxy.address.password = secret("secret");
    settings.proxy.auth = {"basic"};
    const auto text = failure(step::proxy);
    CHECK_THAT(text, Contains("refuses the user name or password"));
    CHECK_THAT(text, !Contains("secret") && !Contains("c3ZjOnNlY3JldA"));
    CHECK_THAT(proxy->seen, Contains("Proxy-Authorization: Basic c3ZjOnNlY3JldA==\r\n"));
}

TEST_CASE_METHOD(
    dialling_fixture,
    "a proxy that offers Basic alone is not shown the password over http://, unless a rule says so",
    "[unit][uplink][proxy]")
{
    through_proxy("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"corp\"\r\n\r\n");
    settings.proxy.address.username = "svc";
    settings.proxy.address.password = secret("secret");
    const auto text = failure(step::proxy);
    CHECK_THAT(text, Contains("is not shown the password by Basic over http://") &&
                         Contains("cloud.proxy_auth = [\"basic\"]") && Contains("it offers: Basic"));
    CHECK_THAT(proxy->seen, !Contains("uthorization"));
    settings.proxy.auth = {"negotiate", "ntlm"};
    CHECK_THAT(failure(step::proxy), Contains("offers no sign-in that cloud.proxy_auth allows"));
    CHECK_THAT(proxy->seen, !Contains("uthorization"));
}

TEST_CASE("what may be used to sign in to a proxy follows from the rule and from the connection",
          "[unit][uplink][proxy]")
{
    using uplink::may_sign_in_by;
    const auto plain = *parse_proxy_url("http://svc:secret@proxy:3128");
    const auto encrypted = *parse_proxy_url("https://svc:secret@proxy:3128");
    const auto nameless = *parse_proxy_url("https://proxy:3128");
    const uplink::proxy_rule usual{};
    const uplink::proxy_rule basic{uplink::proxy_rule::mode::fixed, {}, {"basic"}};
    for (const auto* scheme : {"negotiate", "ntlm"}) {
        CHECK(may_sign_in_by(scheme, usual, plain));
        CHECK_FALSE(may_sign_in_by(scheme, basic, plain));
    }
    CHECK_FALSE(may_sign_in_by("basic", usual, plain));
    CHECK(may_sign_in_by("basic", usual, encrypted));
    CHECK(may_sign_in_by("basic", basic, plain));
    CHECK_FALSE(may_sign_in_by("basic", basic, nameless));
}

TEST_CASE_METHOD(dialling_fixture, "a proxy whose sign-ins are all unknown is told apart",
                 "[unit][uplink][proxy]")
{
    through_proxy("HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm=\"corp\", nonce=\"x\"\r\n\r\n");
    settings.proxy.address.username = "svc";
    settings.proxy.address.password = secret("secret");
    CHECK_THAT(failure(step::proxy),
               Catch::StartsWith(
                   "the proxy 127.0.0.1:PROXY offers no sign-in that this agent knows (it offers: Digest"));
    CHECK_THAT(proxy->seen, !Contains("uthorization"));
}

TEST_CASE_METHOD(dialling_fixture, "a proxy that did not ask is shown no name", "[unit][uplink][proxy]")
{
    through_proxy("");
    settings.proxy.address.username = "svc";
    settings.proxy.address.password = secret("secret");
    CHECK(dial().has_value());
    CHECK_THAT(proxy->seen, !Contains("uthorization"));
}

TEST_CASE_METHOD(dialling_fixture, "a proxy that goes on refusing is left alone for a while",
                 "[unit][uplink][proxy]")
{
    through_proxy("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"corp\"\r\n\r\n");
    settings.proxy.address.username = "svc";
    settings.proxy.address.password = secret("secret");
    settings.proxy.auth = {"basic"};
    CHECK_THAT(failure(step::proxy), !Contains("5 minutes"));
    const auto again = [&] {
        proxy->seen.clear();
        auto link = await(dialer.dial(report));
        REQUIRE(link.has_error());
        return link.error().message;
    };
    CHECK_THAT(again(), Contains("5 minutes"));
    CHECK_FALSE(proxy->seen.empty());
    CHECK_THAT(again(), Contains("refuses"));
    CHECK(proxy->seen.empty());
    CHECK_THAT(failure(step::proxy), !Contains("5 minutes")); // loaded anew
}

TEST_CASE_METHOD(dialling_fixture, "a proxy that forbids the cloud is quoted", "[unit][uplink][proxy]")
{
    through_proxy("HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<p>no</p>");
    CHECK(failure(step::proxy) ==
          "the proxy 127.0.0.1:PROXY does not connect to localhost:PORT: it answers 403 Forbidden");
}

TEST_CASE_METHOD(dialling_fixture, "a proxy that sends nothing but 1xx is given up", "[unit][uplink][proxy]")
{
    std::string hints;
    for (int i = 0; i < 20; ++i)
        hints += "HTTP/1.1 103 Early Hints\r\n\r\n";
    through_proxy(hints);
    CHECK_THAT(failure(step::proxy), Contains("the proxy 127.0.0.1:PROXY"));
}

TEST_CASE_METHOD(dialling_fixture, "a proxy that speaks no HTTP is refused", "[unit][uplink][proxy]")
{
    SECTION("garbage")
    {
        through_proxy("SSH-2.0-OpenSSH_9.2\r\n");
    }
    SECTION("a header without end")
    {
        through_proxy("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'));
    }
    SECTION("bytes after the answer")
    {
        through_proxy("HTTP/1.1 200 OK\r\n\r\ngarbage");
    }
    SECTION("silence, then the end")
    {
        through_proxy("H");
    }
    auto link = dial();
    REQUIRE(link.has_error());
    CHECK(link.error().at == step::proxy);
    CHECK_THAT(link.error().message, Contains("the proxy 127.0.0.1:"));
}

TEST_CASE_METHOD(dialling_fixture, "a proxy that never answers is given up in time", "[unit][uplink][proxy]")
{
    through_proxy("", true);
    settings.step_limit = 150ms;
    CHECK(failure(step::proxy) ==
          "CONNECT to localhost:PORT by the proxy 127.0.0.1:PROXY took longer than 1 s");
}

TEST_CASE_METHOD(dialling_fixture, "a proxy that is not there is named", "[unit][uplink][proxy]")
{
    through_proxy("");
    end(*proxy);
    const auto port = proxy->port();
    proxy.reset();
    settings.proxy.address.port = port;
    auto link = dial();
    REQUIRE(link.has_error());
    CHECK(link.error().at == step::tcp);
    CHECK(link.error().message == "cannot connect to the proxy 127.0.0.1:" + std::to_string(port) +
                                      " (127.0.0.1): Connection refused");
}

TEST_CASE_METHOD(dialling_fixture, "TLS goes through the tunnel to the cloud itself", "[unit][uplink][proxy]")
{
    through_proxy("");
    auto link = dial();
    REQUIRE(link.has_value());
    CHECK(masked(proxy->seen).starts_with("CONNECT localhost:PORT HTTP/1.1\r\nHost: localhost:PORT\r\n"));
    CHECK(report.peer.common_name == "localhost");
    CHECK(masked(report.proxy) == "127.0.0.1:PROXY");
}

TEST_CASE_METHOD(dialling_fixture, "the environment's proxy is used, and left out for hosts in NO_PROXY",
                 "[unit][uplink][proxy]")
{
    through_proxy("HTTP/1.1 403 Forbidden\r\n\r\n");
    const auto url = "http://127.0.0.1:" + std::to_string(proxy->port());
    std::string no_proxy;
    settings.proxy = {uplink::proxy_rule::mode::environment, {}};
    settings.environment = [&](const char* name) {
        return std::string_view(name) == "HTTPS_PROXY" ? url
               : std::string_view(name) == "NO_PROXY"  ? no_proxy
                                                       : std::string();
    };
    CHECK(dial().has_error());
    no_proxy = "localhost";
    CHECK(dial().has_value());
}

} // namespace relay::test
