#include "agent/ews/server_version.hpp"

#include <catch2/catch.hpp>

using namespace relay::ews;

TEST_CASE("a dotted version that is not one is refused", "[unit][ews]")
{
    for (const auto* text :
         {"", "15", "15.", ".15", "15..1", "15.a", "15.1.2.3.4", "15.123456", "-1.2", "15.1 x", "+1.2"})
        CHECK_FALSE(parse_server_version(text));
    CHECK(parse_server_version(" 15.1.2507.39 ") == server_version{15, 1, 2507, 39});
    CHECK(parse_server_version("15.2") == server_version{15, 2, 0, 0});
}

TEST_CASE("products are told by their numbers", "[unit][ews]")
{
    CHECK(server_version{8, 3, 83, 0}.product() == "Exchange 2007");
    CHECK(server_version{14, 3, 123, 4}.product() == "Exchange 2010");
    CHECK(server_version{15, 0, 1497, 2}.product() == "Exchange 2013");
    CHECK(server_version{15, 1, 2507, 6}.product() == "Exchange 2016");
    CHECK(server_version{15, 2, 2561, 99}.product() == "Exchange 2019");
    CHECK(server_version{15, 2, 2562, 17}.product() == "Exchange SE");
    CHECK(server_version{15, 20, 1, 0}.product() == "Exchange Online");
    CHECK(server_version{15, 3, 1, 0}.product() == "Exchange 15.3");
    CHECK(server_version{15, 2, 1118, 7}.str() == "15.2.1118.7");
}

TEST_CASE("what is older than 2013 or Exchange Online is not supported", "[unit][ews]")
{
    CHECK(support_of({8, 0, 0, 0}) == support::too_old);
    CHECK(support_of({14, 3, 123, 4}) == support::too_old);
    CHECK(support_of({15, 20, 0, 0}) == support::online);
    CHECK(support_of({15, 0, 847, 32}) == support::supported);
    CHECK(support_of({15, 2, 2562, 17}) == support::supported);
    CHECK(support_of({16, 0, 0, 0}) == support::supported);
}

TEST_CASE("Exchange Online is told by its host names", "[unit][ews]")
{
    CHECK(is_exchange_online_host("outlook.office365.com"));
    CHECK(is_exchange_online_host("OUTLOOK.OFFICE365.COM."));
    CHECK(is_exchange_online_host("outlook.com"));
    CHECK_FALSE(is_exchange_online_host("mail.myoutlook.com"));
    CHECK_FALSE(is_exchange_online_host("outlook.com.corp.example"));
    CHECK_FALSE(is_exchange_online_host(""));
}
