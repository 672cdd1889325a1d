#include "agent/exchange_access/availability.hpp"
#include "agent/exchange_access/availability_question.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <set>

using namespace relay;
using namespace relay::exchange_access;
using ews::busy_period;
using ews::busy_status;

namespace {

constexpr utc_time monday = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23};

busy_period period(std::chrono::minutes from, std::chrono::minutes to, busy_status s = busy_status::busy)
{
    return {monday + from, monday + to, s};
}

} // namespace

TEST_CASE("periods of one status that touch or overlap become one", "[unit][exchange_access]")
{
    const auto joined = join_periods(
        {period(60min, 120min), period(0min, 30min), period(30min, 60min), period(90min, 100min)}, monday,
        monday + 24h);
    CHECK(joined == std::vector{period(0min, 120min)});
}

TEST_CASE("periods of different status stay apart and are sorted by start", "[unit][exchange_access]")
{
    const auto joined = join_periods({period(30min, 90min), period(0min, 60min, busy_status::tentative)},
                                     monday, monday + 24h);
    CHECK(joined == std::vector{period(0min, 60min, busy_status::tentative), period(30min, 90min)});
}

TEST_CASE("periods are cut to the window and what lies outside is dropped", "[unit][exchange_access]")
{
    const auto joined =
        join_periods({period(-60min, 30min), period(23 * 60min, 25 * 60min), period(25 * 60min, 26 * 60min),
                      period(-60min, 0min), period(10min, 10min)},
                     monday, monday + 24h);
    CHECK(joined == std::vector{period(0min, 30min), period(23 * 60min, 24 * 60min)});
}

TEST_CASE("joined periods cover exactly the minutes that the given ones covered", "[unit][exchange_access]")
{
    std::mt19937 random(Catch::rngSeed());
    for (int round = 0; round < 200; ++round) {
        std::vector<busy_period> given;
        std::set<std::pair<int, busy_status>> wanted, got;
        for (int i = 0; i < 12; ++i) {
            const int from = static_cast<int>(random() % 200) - 20,
                      to = from + static_cast<int>(random() % 40);
            const auto status = static_cast<busy_status>(random() % 3);
            given.push_back(period(std::chrono::minutes(from), std::chrono::minutes(to), status));
            for (int m = std::max(from, 0); m < std::min(to, 150); ++m)
                wanted.emplace(m, status);
        }
        const auto joined = join_periods(given, monday, monday + 150min);
        for (std::size_t i = 0; i < joined.size(); ++i) {
            const auto& p = joined[i];
            CHECK((i == 0 || joined[i - 1].start <= p.start));
            for (auto t = p.start; t < p.end; t += 1min)
                CHECK(got.emplace(static_cast<int>((t - monday) / 1min), p.status).second);
        }
        CHECK(got == wanted);
    }
}

TEST_CASE("a period that ends before an earlier one leaves the earlier one going on",
          "[unit][exchange_access]")
{
    const auto at = std::chrono::floor<std::chrono::minutes>(ews::max_availability_window);
    availability_question question({*mailbox_address::parse("a@corp.example")}, monday,
                                   monday + 2 * ews::max_availability_window);
    const auto take_in = [&](const std::vector<busy_period>& periods) {
        const auto part = question.take_part();
        question.take_in(part, mailboxes_of(part), {ews::mailbox_busy(periods)});
    };
    take_in({period(at - 120min, at), period(at - 60min, at - 30min, busy_status::tentative)});
    REQUIRE(question.parts_left() == 1);
    take_in({period(at, at + 30min)});
    CHECK(
        question.answers().front().value() ==
        std::vector{period(at - 120min, at + 30min), period(at - 60min, at - 30min, busy_status::tentative)});
}

TEST_CASE("a question within Exchange's limits is one request", "[unit][exchange_access]")
{
    const auto parts = split_availability(100, monday, monday + std::chrono::days{42});
    REQUIRE(parts.size() == 1);
    CHECK(parts[0].count == 100);
    CHECK(parts[0].end == monday + std::chrono::days{42});
}

TEST_CASE("a larger question is split so that every mailbox and instant is asked for exactly once",
          "[unit][exchange_access]")
{
    const auto end = monday + std::chrono::days{100} + 1h;
    const auto parts = split_availability(250, monday, end);
    CHECK(parts.size() == 3 * 3);
    std::size_t covered = 0;
    duration time{};
    for (const auto& p : parts) {
        CHECK(p.count <= ews::max_availability_mailboxes);
        CHECK(p.end - p.start <= ews::max_availability_window);
        if (p.start == monday)
            covered += p.count;
        if (p.first == 0)
            time += p.end - p.start;
    }
    CHECK(covered == 250);
    CHECK(time == end - monday);
}

TEST_CASE("windows meet at whole seconds, and leave nothing out", "[unit][exchange_access]")
{
    const auto parts = split_availability(1, monday + 250ms, monday + std::chrono::days{84} + 250ms);
    REQUIRE(parts.size() == 3);
    CHECK(parts[0].start == monday + 250ms);
    CHECK(parts[0].end == monday + std::chrono::days{42});
    CHECK(parts[1].end == monday + std::chrono::days{84});
    CHECK(parts[2].end == monday + std::chrono::days{84} + 250ms);
}

TEST_CASE("what is too much is asked for in halves, as long as there are any", "[unit][exchange_access]")
{
    const availability_part part{0, 3, monday, monday + 50min, {}};
    CHECK(mailboxes_of(part) == std::vector<std::size_t>{0, 1, 2});
    const auto halves = halve_window(part, {1});
    REQUIRE(halves.size() == 2);
    CHECK(halves[0].end == monday + 20min);
    CHECK(halves[1].start == monday + 20min);
    CHECK(halves[1].end == part.end);
    CHECK(mailboxes_of(halves[0]) == std::vector<std::size_t>{1});
    CHECK(halve_window(part, {}).empty());
    CHECK(halve_window({0, 3, monday, monday + 15min, {}}, {1}).empty());
    const auto people = halve_mailboxes(part, {0, 1, 2});
    REQUIRE(people.size() == 2);
    CHECK(people[0].only.size() + people[1].only.size() == 3);
    CHECK(halve_mailboxes(part, {1}).empty());
}

TEST_CASE("nobody to ask about is no request", "[unit][exchange_access]")
{
    CHECK(split_availability(0, monday, monday + 1h).empty());
}
