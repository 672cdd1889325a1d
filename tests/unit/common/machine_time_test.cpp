#include "common/time/machine_clocks.hpp"
#include "common/time/machine_time.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>

#include <catch2/catch.hpp>

namespace relay::test {
namespace {

namespace asio = boost::asio;

// The machine's clocks, and what a test has it sleep.
struct sleepy_machine {
    asio::io_context context;
    duration slept{0};
    machine_time time{[this] {
        auto r = read_machine_clocks();
        r.with_sleep += slept;
        r.wall += slept;
        return r;
    }};

    std::optional<error_code> sleep_of(duration length)
    {
        context.restart();
        std::optional<error_code> ended;
        asio::co_spawn(
            context,
            [](machine_time& t, duration l, std::optional<error_code>& to) -> asio::awaitable<void> {
                to = co_await t.sleep_for(l);
            }(time, length, ended),
            asio::detached);
        context.run();
        return ended;
    }
};

} // namespace

TEST_CASE("a sleep takes its time, and leaves the loop nothing to do", "[unit][time]")
{
    sleepy_machine m;
    const auto begun = m.time.now();
    CHECK(m.sleep_of(30ms) == error_code());
    CHECK(m.time.now() - begun >= 30ms);
    CHECK(m.time.now() - begun < 10s);
    CHECK(m.sleep_of(0s) == error_code());
}

TEST_CASE("a sleep across a suspend ends soon after it where its time has come", "[unit][time]")
{
    sleepy_machine m;
    duration told{0};
    m.time.on_jump([&](duration by) { told = by; });
    asio::post(m.context, [&] { asio::post(m.context, [&] { m.slept = 2h; }); });
    CHECK(m.sleep_of(1h) == error_code());
    CHECK(m.time.jumps() == 1);
    CHECK(told > 1h + 59min);
    CHECK(told < 2h + 1min);
}

TEST_CASE("a sleep across a suspend goes on where its time has not come", "[unit][time]")
{
    sleepy_machine m;
    const auto begun = m.time.now();
    asio::post(m.context, [&] { asio::post(m.context, [&] { m.slept = 2h; }); });
    CHECK(m.sleep_of(2h + 1500ms) == error_code());
    CHECK(m.time.now() - begun >= 2h + 1500ms);
}

TEST_CASE("a sleep that is cancelled says so", "[unit][time]")
{
    using namespace asio::experimental::awaitable_operators;
    sleepy_machine m;
    std::size_t first = 2;
    asio::co_spawn(
        m.context,
        [](machine_time& t, std::size_t& to) -> asio::awaitable<void> {
            const auto ended = co_await (t.sleep_for(1h) || t.sleep_for(5ms));
            to = ended.index();
        }(m.time, first),
        asio::detached);
    m.context.run();
    CHECK(first == 1);
}

TEST_CASE("the machine's clocks agree with each other", "[unit][time]")
{
    const auto a = read_machine_clocks();
    const auto b = read_machine_clocks();
    CHECK(b.running >= a.running);
    CHECK(b.with_sleep >= a.with_sleep);
    CHECK(a.with_sleep >= a.running - 1s);
    CHECK(b.running - a.running < 10s);
}

} // namespace relay::test
