#include "common/time/rfc3339.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace relay;

namespace {

utc_time at(int y, unsigned m, unsigned d, milliseconds of_day = milliseconds{0})
{
    return std::chrono::sys_days{std::chrono::year{y} / std::chrono::month{m} / std::chrono::day{d}} + of_day;
}

} // namespace

TEST_CASE("what is not RFC 3339 is refused", "[unit][time]")
{
    for (const auto* text : {"",
                             "2026",
                             "2026-11-22",
                             "2026-11-22T10:00:00",
                             "2026-11-22 10:00:00Z",
                             "2026-11-22T10:00Z",
                             "2026-02-29T10:00:00Z",
                             "2026-13-01T00:00:00Z",
                             "2026-00-01T00:00:00Z",
                             "2026-11-31T00:00:00Z",
                             "2026-11-22T24:00:00Z",
                             "2026-11-22T10:60:00Z",
                             "2026-11-22T10:00:61Z",
                             "2026-11-22T10:00:00.Z",
                             "2026-11-22T10:00:00+1:00",
                             "2026-11-22T10:00:00+0100",
                             "2026-11-22T10:00:00+24:00",
                             "2026-11-22T10:00:00+01:60",
                             "2026-11-22T10:00:00Zx",
                             "+2026-11-22T10:00:00Z",
                             "1600-12-31T23:59:59Z",
                             "20261-11-22T10:00:00Z",
                             " 2026-11-22T10:00:00Z",
                             "2026-11-22T10:00:00Z ",
                             "2026-1a-22T10:00:00Z"}) {
        INFO(text);
        CHECK(parse_rfc3339(text).error() == errc::bad_time);
    }
}

TEST_CASE("a time that its offset moves out of the years Exchange knows is refused", "[unit][time]")
{
    CHECK_FALSE(parse_rfc3339("1601-01-01T00:00:00+00:01").has_value());
    CHECK_FALSE(parse_rfc3339("9999-12-31T23:59:59-00:01").has_value());
    CHECK_FALSE(parse_rfc3339("9999-12-31T23:59:60Z").has_value());
    CHECK(parse_rfc3339("1601-01-01T00:00:00Z").has_value());
    CHECK(parse_rfc3339("9999-12-31T23:59:59.999Z").has_value());
}

TEST_CASE("times are read in UTC", "[unit][time]")
{
    CHECK(*parse_rfc3339("2026-11-22T10:00:00Z") == at(2026, 11, 22, 10h));
    CHECK(*parse_rfc3339("2026-11-22t10:00:00z") == at(2026, 11, 22, 10h));
    CHECK(*parse_rfc3339("2026-11-22T10:00:00+05:30") == at(2026, 11, 22, 4h + 30min));
    CHECK(*parse_rfc3339("2026-11-22T22:00:00-05:00") == at(2026, 11, 23, 3h));
    CHECK(*parse_rfc3339("2026-11-22T10:00:00-00:00") == at(2026, 11, 22, 10h));
    CHECK(*parse_rfc3339("2024-02-29T00:00:00Z") == at(2024, 2, 29));
    CHECK(*parse_rfc3339("1969-12-31T23:59:59.5Z") == at(1970, 1, 1, -500ms));
}

TEST_CASE("a fraction is cut to milliseconds", "[unit][time]")
{
    CHECK(*parse_rfc3339("2026-11-22T10:00:00.5Z") == at(2026, 11, 22, 10h + 500ms));
    CHECK(*parse_rfc3339("2026-11-22T10:00:00.1239999999999999999999Z") == at(2026, 11, 22, 10h + 123ms));
}

TEST_CASE("a leap second is the second after it", "[unit][time]")
{
    CHECK(*parse_rfc3339("2016-12-31T23:59:60Z") == at(2017, 1, 1));
}

TEST_CASE("an XML time without a zone is UTC", "[unit][time]")
{
    CHECK(*parse_xml_time("2026-11-22T10:00:00") == at(2026, 11, 22, 10h));
    CHECK(*parse_xml_time("2026-11-22T10:00:00+02:00") == at(2026, 11, 22, 8h));
    CHECK_FALSE(parse_xml_time("2026-11-22").has_value());
}

TEST_CASE("a time is printed with milliseconds only where it has them", "[unit][time]")
{
    CHECK(format_rfc3339(at(2026, 11, 22, 10h)) == "2026-11-22T10:00:00Z");
    CHECK(format_rfc3339(at(2026, 11, 22, 10h + 5ms)) == "2026-11-22T10:00:00.005Z");
    CHECK(format_rfc3339(at(1601, 1, 1)) == "1601-01-01T00:00:00Z");
}

TEST_CASE("a printed time reads back as it was", "[unit][time][property]")
{
    std::mt19937_64 random(20261122);
    std::uniform_int_distribution<std::int64_t> pick(at(1601, 1, 1).time_since_epoch().count(),
                                                     at(9999, 12, 31).time_since_epoch().count());
    for (int i = 0; i < 5000; ++i) {
        const utc_time t{milliseconds{pick(random)}};
        CHECK(*parse_rfc3339(format_rfc3339(t)) == t);
    }
}
