#include "agent/watch/free_busy_snapshot.hpp"

#include "common/time/rfc3339.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using ews::busy_status;
using watch::free_busy_snapshot;

namespace {

// "12-01T09" of 2026, on the hour.
utc_time at(const std::string& text)
{
    return *parse_rfc3339("2026-" + text + ":00:00Z");
}

ews::busy_period busy(const std::string& start, const std::string& end, busy_status s = busy_status::busy)
{
    return {at(start), at(end), s};
}

// Seen from `from` for sixty days.
free_busy_snapshot seen(const std::string& from, std::vector<ews::busy_period> periods)
{
    return {at(from), at(from) + std::chrono::days(60), std::move(periods), {}};
}

free_busy_snapshot failed(const std::string& from, protocol::fault_code code, std::string exchange = {})
{
    return {
        at(from), at(from) + std::chrono::days(60), {}, protocol::fault{code, "why", std::move(exchange)}};
}

const free_busy_snapshot published =
    seen("01-01T00", {busy("01-05T09", "01-05T10"), busy("01-20T09", "01-20T17", busy_status::oof)});

} // namespace

TEST_CASE("what is as it was told is no news", "[unit][watch]")
{
    CHECK_FALSE(differs(published, published));
    CHECK_FALSE(differs(published, seen("01-02T00", published.busy)));
}

TEST_CASE("busy time that came, went, moved or became something else is news", "[unit][watch]")
{
    const auto& oof = published.busy[1];
    CHECK(differs(published, seen("01-02T00", {oof})));
    CHECK(differs(published, seen("01-02T00", {busy("01-05T09", "01-05T11"), oof})));
    CHECK(differs(published, seen("01-02T00", {busy("01-05T08", "01-05T09"), oof})));
    CHECK(differs(published, seen("01-02T00", {busy("01-05T09", "01-05T10", busy_status::tentative), oof})));
    CHECK(differs(published, seen("01-02T00", {published.busy[0], oof, busy("01-21T09", "01-21T10")})));
}

TEST_CASE("a period that ends, or is cut by the time of the look, is no news", "[unit][watch]")
{
    CHECK_FALSE(differs(published, seen("01-05T10", {published.busy[1]})));
    CHECK_FALSE(differs(published, seen("01-20T12", {busy("01-20T12", "01-20T17", busy_status::oof)})));
    CHECK_FALSE(differs(published, seen("01-21T00", {})));
    CHECK(differs(published, seen("01-20T12", {busy("01-20T12", "01-20T18", busy_status::oof)})));
}

TEST_CASE("busy time that comes into the horizon is news, once told it is not", "[unit][watch]")
{
    const auto later = seen("01-10T00", {published.busy[1], busy("03-05T09", "03-05T10")});
    CHECK(differs(published, later));
    CHECK_FALSE(differs(later, seen("01-11T00", later.busy)));
    // Free time that comes into it is not.
    CHECK_FALSE(differs(published, seen("01-10T00", {published.busy[1]})));
}

TEST_CASE("a period that the horizon cuts is no news until its end is seen", "[unit][watch]")
{
    const auto end = [](const std::string& from) { return at(from) + std::chrono::days(60); };
    const auto away = [&](const std::string& from) {
        return seen(from, {{at("02-20T00"), std::min(end(from), at("03-10T00")), busy_status::oof}});
    };
    const auto first = away("01-01T00"); // to 03-02
    REQUIRE(first.busy[0].end == first.to);
    CHECK_FALSE(differs(first, away("01-01T01")));
    CHECK_FALSE(differs(first, away("01-05T00")));
    CHECK(differs(first, away("01-10T00"))); // to 03-11: the end is there
    CHECK_FALSE(differs(away("01-10T00"), away("01-11T00")));
    // One that begins where the window ended was never told.
    CHECK(differs(seen("01-01T00", {}),
                  seen("01-01T01", {{at("03-02T00"), at("03-02T01"), busy_status::busy}})));
}

TEST_CASE("a clock that was set back makes no news", "[unit][watch]")
{
    CHECK_FALSE(differs(published, seen("01-01T00", published.busy)));
    auto before = published;
    before.from -= std::chrono::days(2);
    before.to -= std::chrono::days(2);
    CHECK_FALSE(differs(published, before));
}

TEST_CASE("an error is news where there was none, or another one", "[unit][watch]")
{
    using protocol::fault_code;
    const auto gone = failed("01-02T00", fault_code::mailbox_not_found, "ErrorNonExistentMailbox");
    CHECK(differs(published, gone));
    CHECK(differs(gone, published));
    CHECK_FALSE(differs(gone, failed("01-03T00", fault_code::mailbox_not_found, "ErrorNonExistentMailbox")));
    CHECK(differs(gone, failed("01-03T00", fault_code::mailbox_not_found, "ErrorOther")));
    CHECK(differs(gone, failed("01-03T00", fault_code::policy_denied)));
}

TEST_CASE("a picture is the same after it was kept", "[unit][watch]")
{
    for (const auto& p : {published, seen("01-01T00", {}),
                          failed("01-01T00", protocol::fault_code::exchange_error, "ErrorX/y")}) {
        const auto back = free_busy_snapshot::unpacked(p.packed());
        REQUIRE(back);
        CHECK(back->from == p.from);
        CHECK(back->to == p.to);
        CHECK(back->busy == p.busy);
        CHECK(back->error.has_value() == p.error.has_value());
        CHECK_FALSE(differs(p, *back));
    }
    std::vector<ews::busy_period> many;
    for (int day = 0; day < 60; ++day)
        for (int hour : {9, 11, 14})
            many.push_back({at("01-01T00") + std::chrono::days(day) + std::chrono::hours(hour),
                            at("01-01T00") + std::chrono::days(day) + std::chrono::hours(hour + 1),
                            busy_status::busy});
    CHECK(seen("01-01T00", many).packed().size() < 180 * 10);
}

TEST_CASE("what no picture was kept as is none", "[unit][watch]")
{
    const auto whole = published.packed();
    for (std::size_t n = 0; n < whole.size(); ++n)
        (void)free_busy_snapshot::unpacked(
            whole.substr(0, n)); // cut off anywhere: nothing worse than another snapshot
    for (const std::string text : {"", "x", "b", "e", "b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                                   "e\x02\x02nonsense/", "e\x02\x02policy_denied"})
        CHECK_FALSE(free_busy_snapshot::unpacked(text));
}
