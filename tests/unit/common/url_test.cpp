#include "common/secret/sign_in.hpp"
#include "common/url/url.hpp"

#include <catch2/catch.hpp>

namespace relay::test {
namespace {

TEST_CASE("a URL is taken apart, with its scheme's own port", "[unit][url]")
{
    const auto plain = parse_web_url("HTTPS://mail.corp.example/EWS/Exchange.asmx?x=1");
    REQUIRE(plain.has_value());
    CHECK(*plain == web_url{"https", "mail.corp.example", 443, "/EWS/Exchange.asmx?x=1"});
    CHECK(parse_web_url("http://mail")->port == 80);
    CHECK(parse_web_url("wss://mail:8443")->authority() == "mail:8443");
    CHECK(parse_web_url("wss://[2001:DB8::7]/x")->authority() == "[2001:db8::7]:443");
    CHECK(parse_web_url("wss://mail", "wss").has_value());
    CHECK(parse_web_url("wss://mail", "https").error().message == "it must start with https://");
}

TEST_CASE("what is no URL of the web, or hides something in it, is refused", "[unit][url]")
{
    for (const std::string bad :
         {"", "mail.corp.example", "ftp://mail/", "https://", "https:///x", "https:x",
          "https://u:secret@mail/", "https://u@mail/", "https://mail/#x", "https://mail:0/",
          "https://mail:99999/", "https://mail:x/", "https://ma%0d%0ail/", "https://ma il/", "https://[::1/",
          "https://m\xc3\xa4il/"}) {
        INFO(bad);
        REQUIRE(parse_web_url(bad).has_error());
        CHECK(parse_web_url(bad).error().message.find("secret") == std::string::npos);
    }
    CHECK(parse_web_url("https://mail/" + std::string(longest_url, 'x')).has_error());
    CHECK(parse_web_url("https://" + std::string(254, 'm') + "/").has_error());
}

TEST_CASE("a proxy URL holds nothing but a host, its port and who signs in", "[unit][url]")
{
    const auto proxy = parse_proxy_url("http://corp%5Csvc:p%40ss@proxy.corp.example:3128/");
    REQUIRE(proxy.has_value());
    CHECK(*proxy == proxy_url{"proxy.corp.example", 3128, "corp\\svc", secret("p@ss")});
    CHECK(parse_proxy_url("proxy")->port == 80);
    CHECK_FALSE(parse_proxy_url("proxy")->encrypted);
    CHECK(parse_proxy_url("HTTPS://proxy")->port == 443);
    CHECK(parse_proxy_url("https://proxy:3129")->encrypted);
    for (const std::string bad :
         {"socks5://proxy:1", "http://proxy/path", "http://proxy?x", "http://proxy#x",
          "http://a%3Ab:secret@proxy", "http://u:sec%0Aret@proxy", "http://:secret@proxy"}) {
        INFO(bad);
        CHECK(parse_proxy_url(bad).has_error());
    }
}

TEST_CASE("Basic carries user and password in one header", "[unit][url]")
{
    // RFC 7617, 2
    CHECK(basic_authorization("Aladdin", secret("open sesame")).reveal() ==
          "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

} // namespace
} // namespace relay::test
