#include "agent/http/connection_cookies.hpp"

#include <catch2/catch.hpp>

namespace relay::test {
namespace {

constexpr std::string_view path = "/EWS/Exchange.asmx";

std::string after(std::initializer_list<std::string_view> set)
{
    http::connection_cookies c;
    for (const auto one : set)
        c.take(one, path);
    return c.with("");
}

TEST_CASE("a cookie of a connection comes back as it was set", "[unit][http]")
{
    CHECK(after({}).empty());
    CHECK(after({"BIGip=1.2.3; path=/; Secure; HttpOnly", "b=2"}) == "BIGip=1.2.3; b=2");
    CHECK(after({"a=1", "a=2"}) == "a=2");
    CHECK(after({"a=1; Path=/ews"}) == "a=1");
    CHECK(after({"a=1; Path=/owa"}).empty());
    CHECK(after({"a=1", "a=1; Max-Age=0"}).empty());
    CHECK(after({"a=1", "a="}).empty());
    http::connection_cookies c;
    c.take("a=1", path);
    CHECK(c.with("x=9") == "x=9; a=1");
    c.clear();
    CHECK(c.with("x=9") == "x=9");
}

TEST_CASE("what is no cookie, too much, or Exchange's own for streams is left alone", "[unit][http]")
{
    CHECK(after({"", "=", "=x", "novalue", "a=b c", std::string_view("a=b\0c", 5)}).empty());
    CHECK(after({"X-BackEndOverrideCookie=mbx1; path=/"}).empty());
    CHECK(after({std::string("a=") + std::string(5000, 'x')}).empty());
    http::connection_cookies c;
    for (int i = 0; i < 100; ++i)
        c.take("n" + std::to_string(i) + "=1", path);
    CHECK(c.with("").size() < 120);
}

} // namespace
} // namespace relay::test
