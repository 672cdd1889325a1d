#include "common/time/backoff.hpp"

#include <catch2/catch.hpp>

using namespace relay;

namespace {

// The longest of many first delays, and so on: what the ceiling of each step is.
std::vector<duration> ceilings(backoff::limits l, std::size_t steps)
{
    std::vector<duration> longest(steps, duration::zero());
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        backoff b(l, seed);
        for (auto& c : longest)
            c = std::max(c, b.next());
    }
    return longest;
}

} // namespace

TEST_CASE("delays are drawn under a ceiling that doubles up to the cap", "[unit][time]")
{
    const auto seen = ceilings({500ms, 3s}, 6);
    const std::vector<duration> expected{500ms, 1s, 2s, 3s, 3s, 3s};
    for (std::size_t i = 0; i < seen.size(); ++i) {
        CHECK(seen[i] <= expected[i]);
        CHECK(seen[i] > expected[i] * 9 / 10); // full jitter reaches nearly up to it
    }
}

TEST_CASE("jitter is full: some delays are close to none", "[unit][time]")
{
    auto shortest = duration::max();
    for (std::uint64_t seed = 0; seed < 500; ++seed)
        shortest = std::min(shortest, backoff({10s, 10s}, seed).next());
    CHECK(shortest < 500ms);
}

TEST_CASE("a reset starts again with the first delay", "[unit][time]")
{
    backoff b({1ms, 1h}, 7);
    for (int i = 0; i < 40; ++i)
        b.next();
    b.reset();
    CHECK(b.next() <= 1ms);
}

TEST_CASE("a seed makes the delays repeatable", "[unit][time]")
{
    backoff a({1s, 60s}, 42), b({1s, 60s}, 42);
    for (int i = 0; i < 10; ++i)
        CHECK(a.next() == b.next());
}
