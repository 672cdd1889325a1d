#include "common/time/zones.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <string>

using namespace relay;

TEST_CASE("a name that is no IANA zone is not known", "[unit][time]")
{
    for (const auto* name : {"", "Mars/Olympus", "W. Europe Standard Time", "europe/berlin", "Europe/Berlin ",
                             "Etc/Unknown", "-", "timezone"}) {
        INFO(name);
        CHECK_FALSE(is_iana_zone(name));
        CHECK_FALSE(windows_zone(name).has_value());
    }
    CHECK_FALSE(iana_zone("Europe/Berlin").has_value());
    CHECK_FALSE(iana_zone("").has_value());
}

TEST_CASE("old and new names of a zone are the same zone", "[unit][time]")
{
    CHECK(windows_zone("Asia/Calcutta") == "India Standard Time");
    CHECK(windows_zone("Asia/Kolkata") == "India Standard Time");
    CHECK(windows_zone("Europe/Kiev") == "FLE Standard Time");
    CHECK(windows_zone("Europe/Kyiv") == "FLE Standard Time");
    CHECK(windows_zone("Europe/Berlin") == "W. Europe Standard Time");
    CHECK(windows_zone("Etc/UTC") == "UTC");
}

TEST_CASE("a zone that Windows has no id for is known, as UTC", "[unit][time]")
{
    for (const auto* name : {"America/Ciudad_Juarez", "America/Coyhaique", "Antarctica/Troll", "CET", "EET",
                             "MET", "WET", "Factory"}) {
        INFO(name);
        CHECK(is_iana_zone(name));
        CHECK(windows_zone(name) == "UTC");
    }
}

TEST_CASE("a Windows zone has one IANA name that leads back to it", "[unit][time]")
{
    CHECK(iana_zone("W. Europe Standard Time") == "Europe/Berlin");
    CHECK(iana_zone("UTC") == "Etc/UTC");
    for (const auto* name :
         {"Central Standard Time", "Central Standard Time (Mexico)", "UTC-11", "Tokyo Standard Time"})
        CHECK(windows_zone(iana_zone(name).value()) == name);
}

TEST_CASE("the tables agree with ICU's", "[unit][time]")
{
    std::ifstream list(RELAY_ZONE_LIST);
    if (!list) {
        WARN("no " RELAY_ZONE_LIST " here: not compared");
        return;
    }
    std::string line;
    while (std::getline(list, line)) {
        if (line.empty() || line.front() == '#')
            continue;
        const auto tab = line.find('\t');
        CHECK(windows_zone(line.substr(0, tab)) == line.substr(tab + 1));
    }
}
