#include "agent/policy/invitation_rate.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

struct rate_fixture {
    policy::invitation_rate rate;
    steady_time now{1000h};
    utc_time utc{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};

    protocol::checked<void> take(std::int64_t count, std::int64_t most,
                                 std::string_view host = "host@corp.example")
    {
        return rate.take(*mailbox_address::parse(host), count, most, now, utc);
    }
    void advance(duration by)
    {
        now += by;
        utc += std::chrono::duration_cast<milliseconds>(by);
    }
};

} // namespace

TEST_CASE_METHOD(rate_fixture,
                 "a host's invitations over the rate are denied until enough of them are an hour old",
                 "[unit][policy]")
{
    CHECK(take(3, 5).has_value());
    advance(20min);
    CHECK(take(2, 5).has_value());
    advance(10min);
    const auto over = take(1, 5);
    REQUIRE(over.has_error());
    CHECK(over.error().code == protocol::fault_code::policy_denied);
    CHECK_THAT(over.error().message,
               Contains("5 invitations went out for host@corp.example within an hour") &&
                   Contains("policy.max_invitations_per_hour = 5") &&
                   Contains("again at 2026-11-23T01:00:00Z"));
    CHECK_THAT(take(4, 5).error().message, Contains("again at 2026-11-23T01:20:00Z")); // both have to go
    advance(30min);
    CHECK(take(3, 5).has_value());
    CHECK(take(1, 5).has_error());
}

TEST_CASE_METHOD(rate_fixture, "what is denied does not count, and each host counts for itself",
                 "[unit][policy]")
{
    CHECK(take(5, 5).has_value());
    for (int i = 0; i < 10; ++i)
        CHECK(take(1, 5, "HOST@corp.example").has_error());
    CHECK(take(5, 5, "other@corp.example").has_value());
    advance(1h);
    CHECK(take(5, 5).has_value());
}

TEST_CASE_METHOD(rate_fixture, "a command that sends more than the rate allows at all is told so",
                 "[unit][policy]")
{
    const auto over = take(6, 5);
    REQUIRE(over.has_error());
    CHECK_THAT(over.error().message, Contains("cannot go out as it is") && !Contains("again at"));
    CHECK(take(5, 5).has_value());
}

TEST_CASE_METHOD(rate_fixture, "without a rate, or without an attendee, nothing is counted", "[unit][policy]")
{
    for (int i = 0; i < 100; ++i)
        CHECK(take(500, 0).has_value());
    CHECK(take(5, 5).has_value());
    CHECK(take(0, 5).has_value());
}

TEST_CASE_METHOD(rate_fixture, "hosts whose hour is over make room for others", "[unit][policy]")
{
    for (std::size_t i = 0; i < policy::invitation_rate::most_hosts; ++i)
        REQUIRE(take(1, 5, "user" + std::to_string(i) + "@corp.example").has_value());
    CHECK(take(1, 5).error().code == protocol::fault_code::overloaded);
    advance(61min);
    CHECK(take(1, 5).has_value());
}
