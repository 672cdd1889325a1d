#include "common/time/elapsed_clock.hpp"

#include <catch2/catch.hpp>

namespace relay::test {
namespace {

// A machine whose clocks do what a test says.
struct machine {
    clock_readings clocks{100h, 100h, 500'000h};
    elapsed_clock elapsed;
    steady_time begun = elapsed.at(clocks);

    void runs(duration by)
    {
        clocks.running += by;
        clocks.with_sleep += by;
        clocks.wall += by;
    }
    void sleeps(duration by)
    {
        clocks.with_sleep += by;
        clocks.wall += by;
    }
    void wall_is_set(duration by) { clocks.wall += by; }
    duration passed() { return elapsed.at(clocks) - begun; }
};

} // namespace

TEST_CASE("elapsed time is that of the running clock as long as nothing happens", "[unit][time]")
{
    machine m;
    CHECK(m.begun == steady_time(100h));
    for (int i = 0; i < 1000; ++i) {
        m.runs(1s);
        m.wall_is_set(i % 2 ? 30us : -30us); // clocks are read one after the other
        CHECK(m.passed() == (i + 1) * 1s);
    }
    CHECK(m.elapsed.jumps() == 0);
}

TEST_CASE("time in which the machine slept counts, and is a jump", "[unit][time]")
{
    machine m;
    m.runs(10s);
    m.sleeps(3h);
    CHECK(m.passed() == 3h + 10s);
    CHECK(m.elapsed.jumps() == 1);
    m.runs(1s);
    CHECK(m.passed() == 3h + 11s);
    CHECK(m.elapsed.jumps() == 1);
}

TEST_CASE("a virtual machine that was paused shows in the wall clock, at once or later", "[unit][time]")
{
    machine m;
    m.runs(10s);
    CHECK(m.passed() == 10s);
    m.wall_is_set(2h);
    CHECK(m.passed() == 2h + 10s);
    CHECK(m.elapsed.jumps() == 1);
}

TEST_CASE("a sleep counts once, though it shows in two clocks", "[unit][time]")
{
    machine m;
    m.sleeps(1h);
    CHECK(m.passed() == 1h);
    m.sleeps(100ms); // the next short ones
    m.sleeps(100ms);
    CHECK(m.passed() == 1h + 200ms);
}

TEST_CASE("a wall clock that is set back takes nothing away and hides no pause after it", "[unit][time]")
{
    machine m;
    m.wall_is_set(-8h);
    m.runs(5s);
    CHECK(m.passed() == 5s);
    CHECK(m.elapsed.jumps() == 0);
    m.wall_is_set(30min); // paused
    CHECK(m.passed() == 30min + 5s);
}

TEST_CASE("a wall clock that was once far ahead hides no pause after it", "[unit][time]")
{
    machine m;
    m.wall_is_set(24h);
    CHECK(m.passed() == 24h);
    m.wall_is_set(-24h);
    CHECK(m.passed() == 24h);
    m.wall_is_set(1h);
    CHECK(m.passed() == 25h);
    CHECK(m.elapsed.jumps() == 2);
}

TEST_CASE("elapsed time never goes back and never overflows, whatever the wall clock does", "[unit][time]")
{
    machine m;
    auto before = m.passed();
    for (int i = 0; i < 1000; ++i) {
        m.wall_is_set(i % 2 ? -24h * 366 * 50 : 24h * 366 * 50);
        m.runs(1s);
        const auto now = m.passed();
        CHECK(now >= before + 1s);
        before = now;
    }
    CHECK(before == elapsed_clock::most_steps + 1000s);
}

TEST_CASE("a wall clock that is slewed is followed in steps that are no more than its own way",
          "[unit][time]")
{
    machine m;
    for (int i = 0; i < 10'000; ++i) {
        m.runs(1s);
        m.wall_is_set(500us);
        const auto by_wall = (i + 1) * (1s + 500us);
        const auto passed = m.passed();
        CHECK(passed <= by_wall);
        CHECK(passed > by_wall - elapsed_clock::tolerance - 1ms);
    }
}

} // namespace relay::test
