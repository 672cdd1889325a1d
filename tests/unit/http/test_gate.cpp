#include "agent/signin/sign_in_gate.hpp"

#include <catch2/catch.hpp>

#include <utility>
#include <vector>

namespace relay::test {
namespace {

using namespace signin;
using answer = sign_in_gate::answer;

constexpr steady_time start{1h};

TEST_CASE("after a refusal nothing goes out but a probe every five minutes", "[unit][signin]")
{
    const auto travel =
        GENERATE(credentials_travel::with_each_request, credentials_travel::with_each_connection);
    sign_in_gate gate(travel);
    const auto first = gate.ask(start);
    REQUIRE(first.what == answer::go);
    gate.settle(first.number, verdict::refused, start);
    CHECK(gate.refused());
    CHECK(gate.ask(start + 299s).what == answer::refuse);
    const auto probe = gate.ask(start + 300s);
    CHECK(probe.what == answer::probe);
    CHECK(gate.ask(start + 301s).what == answer::refuse);
    gate.settle(probe.number, verdict::refused, start + 310s);
    CHECK(gate.ask(start + 609s).what == answer::refuse);
    const auto second = gate.ask(start + 610s);
    CHECK(second.what == answer::probe);
    gate.settle(second.number, verdict::accepted, start + 611s);
    CHECK_FALSE(gate.refused());
    CHECK(gate.ask(start + 612s).what == answer::go);
}

TEST_CASE("a probe without a verdict is not repeated before its interval", "[unit][signin]")
{
    sign_in_gate gate(credentials_travel::with_each_request);
    gate.settle(gate.ask(start).number, verdict::refused, start);
    gate.settle(gate.ask(start + 300s).number, verdict::unknown, start + 310s);
    CHECK(gate.refused());
    CHECK(gate.ask(start + 599s).what == answer::refuse);
    CHECK(gate.ask(start + 600s).what == answer::probe);
}

TEST_CASE("a probe whose credentials never left is made again at once", "[unit][signin]")
{
    sign_in_gate gate(
        GENERATE(credentials_travel::with_each_request, credentials_travel::with_each_connection));
    gate.settle(gate.ask(start).number, verdict::refused, start);
    const auto cut = gate.ask(start + 300s);
    CHECK(gate.ask(start + 301s).what == answer::refuse);
    gate.settle(cut.number, verdict::untried, start + 301s);
    CHECK(gate.refused());
    const auto again = gate.ask(start + 301s);
    CHECK(again.what == answer::probe);
    CHECK(gate.ask(start + 302s).what == answer::refuse);
    gate.settle(again.number, verdict::unknown, start + 302s);
    CHECK(gate.ask(start + 303s).what == answer::refuse);
}

TEST_CASE("new credentials are tried at once", "[unit][signin]")
{
    sign_in_gate gate(credentials_travel::with_each_connection);
    const auto old = gate.ask(start);
    gate.settle(gate.ask(start + leader_patience).number, verdict::refused, start + leader_patience);
    gate.credentials_changed();
    CHECK_FALSE(gate.refused());
    gate.settle(old.number, verdict::refused, start + 4s); // of the old ones: says nothing about the new
    CHECK_FALSE(gate.refused());
    CHECK(gate.ask(start + 4s).what == answer::go);
}

TEST_CASE("while nobody knows, one tries and the others wait", "[unit][signin]")
{
    sign_in_gate gate(credentials_travel::with_each_request);
    const auto first = gate.ask(start);
    CHECK(gate.ask(start).what == answer::wait);
    CHECK(gate.ask(start + 2999ms).what == answer::wait);

    SECTION("an accepted one lets all go")
    {
        gate.settle(first.number, verdict::accepted, start + 10ms);
        const auto second = gate.ask(start + 10ms);
        CHECK(second.what == answer::go);
        CHECK(gate.ask(start + 10ms).what == answer::go);
        // as long as requests overlap, the run goes on
        CHECK(gate.ask(start + 60s).what == answer::go);
    }
    SECTION("a refused one refuses all")
    {
        gate.settle(first.number, verdict::refused, start + 10ms);
        CHECK(gate.ask(start + 10ms).what == answer::refuse);
    }
    SECTION("one that ends without a verdict lets the next one try, alone")
    {
        gate.settle(first.number, verdict::unknown, start + 10ms);
        CHECK(gate.ask(start + 10ms).what == answer::go);
        CHECK(gate.ask(start + 10ms).what == answer::wait);
    }
    SECTION("one that hangs lets one more try each time patience runs out")
    {
        CHECK(gate.look_again() == start + leader_patience);
        CHECK(gate.ask(start + 3s).what == answer::go);
        CHECK(gate.ask(start + 3s).what == answer::wait);
        CHECK(gate.look_again() == start + 3s + leader_patience);
        CHECK(gate.ask(start + 6s).what == answer::go);
    }
}

TEST_CASE("who tries while nobody knows does so with something cheap, and who goes with the others does not",
          "[unit][signin]")
{
    sign_in_gate gate(credentials_travel::with_each_request);
    const auto first = gate.ask(start);
    CHECK(first.doubtful);
    gate.settle(first.number, verdict::accepted, start);
    const auto second = gate.ask(start),
               third = gate.ask(start + 100ms); // beside the second, which is under way
    CHECK_FALSE(second.doubtful);
    CHECK_FALSE(third.doubtful);
    gate.settle(second.number, verdict::accepted, start + 2s);
    gate.settle(third.number, verdict::accepted, start + 2s);
    CHECK(gate.ask(start + 3s).doubtful);
}

TEST_CASE("after a pause the credentials are in doubt again", "[unit][signin]")
{
    sign_in_gate gate(credentials_travel::with_each_request);
    gate.settle(gate.ask(start).number, verdict::accepted, start);
    const auto next = gate.ask(start + 20ms);
    CHECK(next.what == answer::go);
    CHECK(gate.ask(start + 20ms).what == answer::wait);
}

TEST_CASE("requests that end and begin together do not queue", "[unit][signin]")
{
    sign_in_gate gate(credentials_travel::with_each_request);
    gate.settle(gate.ask(start).number, verdict::accepted, start);
    CHECK(gate.ask(start + 1ms).what == answer::go);
    CHECK(gate.ask(start + 1ms).what == answer::go);
}

// Asks for `askers` requests at `now`, of which those that go are under way afterwards: their tickets.
std::vector<sign_in_gate::ticket> burst(sign_in_gate& gate, int askers, steady_time now)
{
    std::vector<sign_in_gate::ticket> gone;
    for (int i = 0; i < askers; ++i)
        if (const auto d = gate.ask(now); d.what == answer::go && gate.start(d.number, now))
            gone.push_back(d.number);
    return gone;
}

TEST_CASE(
    "a password that is changed just after a success is shown by two requests and one that proves, at most",
    "[unit][signin]")
{
    sign_in_gate gate(credentials_travel::with_each_request);
    const auto slow = burst(gate, 1, start); // a request of many seconds is under way, or none
    gate.settle(gate.ask(start + 3s).number, verdict::accepted, start + 3s);
    if (GENERATE(true, false))
        gate.settle(slow.front(), verdict::accepted, start + 3s);
    CHECK(burst(gate, 20, start + 3s + 4ms).size() <= 3);
    CHECK(burst(gate, 20, start + 4s).empty()); // they wait for a verdict
}

TEST_CASE("a run of requests grows with each success, and a slow one among them holds nobody up",
          "[unit][signin]")
{
    sign_in_gate gate(credentials_travel::with_each_request);
    gate.settle(gate.ask(start).number, verdict::accepted,
                start); // the one that proves, and asks again for its own
    auto under_way = burst(gate, 1, start);
    REQUIRE(under_way.size() == 1); // a slow one: it is never settled here
    under_way = burst(gate, 9, start);
    int round_trips = 0;
    for (auto now = start + 1ms; under_way.size() < 9 && round_trips < 10; now += 1ms, ++round_trips)
        for (const auto t : std::exchange(under_way, {})) {
            gate.settle(t, verdict::accepted, now);
            for (const auto next : burst(gate, 2, now))
                under_way.push_back(next);
        }
    CHECK(round_trips <= 5);
}

TEST_CASE("connections always sign in one at a time", "[unit][signin]")
{
    sign_in_gate gate(credentials_travel::with_each_connection);
    gate.settle(gate.ask(start).number, verdict::accepted, start);
    CHECK(gate.ask(start).what == answer::go);
    CHECK(gate.ask(start).what == answer::wait);
}

TEST_CASE("a success that was under way beside a refusal reopens nothing", "[unit][signin]")
{
    sign_in_gate gate(credentials_travel::with_each_request);
    gate.settle(gate.ask(start).number, verdict::accepted, start);
    const auto a = gate.ask(start), b = gate.ask(start);
    gate.settle(a.number, verdict::refused, start + 1s);
    gate.settle(b.number, verdict::accepted, start + 2s);
    CHECK(gate.refused());
}

TEST_CASE("whoever waited for the password does not send it beside others", "[unit][signin]")
{
    const auto travel =
        GENERATE(credentials_travel::with_each_request, credentials_travel::with_each_connection);
    sign_in_gate gate(travel);
    const auto a = gate.ask(start), b = gate.ask(start + leader_patience);
    REQUIRE((a.what == answer::go && b.what == answer::go));
    const auto read = start + 8s; // a slow command brings it to both at once
    CHECK(gate.start(a.number, read));
    CHECK_FALSE(gate.start(b.number, read));
    gate.settle(b.number, verdict::unknown, read);
    CHECK(gate.ask(read).what == answer::wait);
    gate.settle(a.number, verdict::refused, read + 1s);
    CHECK(gate.ask(read + 1s).what == answer::refuse);
}

TEST_CASE("while one tries another password or way after a refusal, nobody else tries", "[unit][signin]")
{
    const auto travel =
        GENERATE(credentials_travel::with_each_request, credentials_travel::with_each_connection);
    sign_in_gate gate(travel);
    const auto a = gate.ask(start), late = gate.ask(start + leader_patience);
    REQUIRE(gate.start(a.number, start));
    gate.refused_once(a.number);
    CHECK_FALSE(gate.start(late.number, start + 4s));
    CHECK(gate.ask(start + 20s).what == answer::wait);
    CHECK(gate.start(a.number, start + 20s)); // itself may
    SECTION("which is the right one")
    {
        gate.settle(a.number, verdict::accepted, start + 21s);
        CHECK_FALSE(gate.refused());
        CHECK(gate.start(late.number, start + 21s));
        gate.settle(late.number, verdict::accepted, start + 21s);
        CHECK(gate.ask(start + 21s).what == answer::go);
    }
    SECTION("which is not")
    {
        gate.settle(a.number, verdict::refused, start + 21s);
        CHECK_FALSE(gate.start(late.number, start + 21s));
        CHECK(gate.ask(start + 21s).what == answer::refuse);
    }
    SECTION("and is cut off: the first refusal counts")
    {
        gate.settle(a.number, verdict::unknown, start + 21s);
        CHECK(gate.ask(start + 21s).what == answer::refuse);
    }
    SECTION("and the credentials are replaced meanwhile")
    {
        gate.credentials_changed();
        CHECK_FALSE(gate.start(a.number, start + 21s)); // it has the old ones
        CHECK(gate.ask(start + 21s).what == answer::go);
    }
}

} // namespace
} // namespace relay::test
