#include "agent/http/address_memory.hpp"

#include <catch2/catch.hpp>

#include <boost/asio/ip/address_v4.hpp>

using namespace relay;

TEST_CASE("the address that worked last is the favourite until it fails", "[unit][http]")
{
    const auto a = boost::asio::ip::make_address("192.0.2.1"),
               b = boost::asio::ip::make_address("2001:db8::1");
    http::address_memory m;
    CHECK_FALSE(m.favourite().has_value());
    m.failed(a);
    CHECK(m.has_failed(a));
    CHECK_FALSE(m.has_failed(b));
    m.worked(b);
    CHECK(m.favourite() == b);
    m.failed(b);
    CHECK_FALSE(m.favourite().has_value());
    CHECK(m.failed_before(a, b));
    m.worked(a);
    CHECK_FALSE(m.has_failed(a));
    CHECK(m.favourite() == a);
}

TEST_CASE("a memory of addresses does not grow for ever", "[unit][http]")
{
    http::address_memory m;
    for (unsigned i = 0; i < 100; ++i)
        m.failed(boost::asio::ip::address_v4(0xc0000200U + i));
    CHECK_FALSE(m.has_failed(boost::asio::ip::address_v4(0xc0000200U)));
    CHECK(m.has_failed(boost::asio::ip::address_v4(0xc0000200U + 99)));
}
