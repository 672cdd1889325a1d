// The states of a write and the steps between them, without a clock: docs/exactly-once.md, "The states of a write".
#include "agent/commands/attempt.hpp"

#include <catch2/catch.hpp>

namespace relay::test {
namespace {

using commands::attempt;
using state = attempt::state;
using stored_try = attempt::stored_try;

constexpr attempt::waits waits{120s, 5s};
constexpr steady_time start{1h};
constexpr steady_time deadline = start + 24h;

struct one_request : protocol::operation {};
struct two_requests : protocol::operation {
    bool may_apply_in_part() const override { return true; }
};

store::command_context write_of(protocol::operation_ptr op)
{
    store::command_context t;
    t.id = "c-1";
    t.kind = protocol::operation_class::write;
    t.event_id = "b-1";
    t.deadline = deadline;
    t.operation = std::move(op);
    return t;
}

store::command_context create()
{
    return write_of(std::make_shared<one_request>());
}

store::command_context update()
{
    return write_of(std::make_shared<two_requests>());
}

ews::error failed(ews::effect effect, ews::retry_action retry_action = ews::retry_action::retry)
{
    ews::error e;
    e.fault = {protocol::fault_code::exchange_unavailable, "no answer", {}};
    e.effect = effect;
    e.retry_action = retry_action;
    return e;
}

TEST_CASE("a new write is accepted, may be ended by all, and is no repeat", "[unit][attempt]")
{
    auto record = create();
    const attempt a(record, waits, start);
    CHECK(a.in() == state::accepted);
    CHECK(a.may_be_ended());
    CHECK(a.time_may_end_it());
    CHECK(a.settled(start));
    CHECK_FALSE(a.may_be_repeat());
    CHECK_FALSE(a.may_be_partly_applied());
}

TEST_CASE("a try counts once until it fails", "[unit][attempt]")
{
    auto record = create();
    attempt a(record, waits, start);
    a.starts(start);
    a.begun();
    CHECK(record.attempts == 1);
    CHECK(record.started);
    CHECK(record.sent);
    a.try_failed();
    a.starts(start);
    CHECK(record.attempts == 2);
}

TEST_CASE("begun, and proven to have changed nothing: accepted again, and the try is taken back",
          "[unit][attempt]")
{
    auto record = create();
    attempt a(record, waits, start);
    a.begun();
    CHECK(a.in() == state::begun);
    CHECK(a.changed_nothing() == stored_try::take_back);
    CHECK(a.in() == state::accepted);
    CHECK_FALSE(a.may_be_repeat());
    CHECK(record.sent); // Exchange has seen it
}

TEST_CASE("a request that did not leave leaves no trace of its try", "[unit][attempt]")
{
    auto record = create();
    attempt a(record, waits, start);
    a.starts(start);
    a.begun();
    SECTION("its time was over: it was no try")
    {
        CHECK(a.came_too_late() == stored_try::take_back);
        CHECK(record.attempts == 0);
    }
    SECTION("what was found beside it is old")
    {
        CHECK(a.not_sent() == stored_try::take_back);
        CHECK(record.attempts == 1);
    }
    CHECK(a.in() == state::accepted);
    CHECK_FALSE(record.sent);
}

TEST_CASE("after a try that Exchange has seen, one that does not leave is still no first one",
          "[unit][attempt]")
{
    auto record = create();
    attempt a(record, waits, start);
    a.begun();
    a.changed_nothing();
    a.begun();
    a.not_sent();
    CHECK(record.sent);
}

TEST_CASE("while the outcome is unknown nothing ends the write, and it settles after settle_s",
          "[unit][attempt]")
{
    auto record = create();
    attempt a(record, waits, start);
    a.begun();
    a.outcome_unknown(failed(ews::effect::unknown), false, start + 10s);
    CHECK(a.in() == state::unknown);
    CHECK_FALSE(a.may_be_ended());
    CHECK_FALSE(a.time_may_end_it());
    CHECK_FALSE(a.settled(start + 129s));
    CHECK(a.settled(start + 130s));
    CHECK(a.may_be_repeat());
    CHECK_FALSE(a.answered());
    a.try_failed();
    a.starts(start + 130s); // a look is no try
    CHECK(record.attempts == 1);

    CHECK_FALSE(a.absent());
    CHECK(a.in() == state::accepted);
    CHECK(a.may_be_ended());
    CHECK(a.may_be_repeat()); // still
}

TEST_CASE("what Exchange answered may have taken effect, and has settled", "[unit][attempt]")
{
    auto record = create();
    attempt a(record, waits, start);
    a.begun();
    a.outcome_unknown(failed(ews::effect::possible), true, start);
    CHECK(a.in() == state::unknown);
    CHECK(a.settled(start));
    CHECK(a.answered());
    CHECK(a.absent()); // it is refused for good
    CHECK_FALSE(a.absent());
}

TEST_CASE("a try that was found begun at a start is unknown, and settles from the start on",
          "[unit][attempt]")
{
    auto record = create();
    record.begun.emplace();
    record.restored = true;
    const attempt a(record, waits, start);
    CHECK(a.in() == state::unknown);
    CHECK(a.settles_at() == start + 120s);
    CHECK(a.may_be_repeat());
}

TEST_CASE("what may have been with another agent is looked up whatever its time is", "[unit][attempt]")
{
    auto record = create();
    record.redelivered = true;
    attempt a(record, waits, start);
    CHECK(a.in() == state::accepted);
    CHECK(a.may_be_ended()); // by a cancel; by its time only once a look has told
    CHECK_FALSE(a.time_may_end_it());
    CHECK(a.settles_at() == start + 5s);
    a.starts(deadline); // only to find out: no try
    CHECK(record.attempts == 0);
    a.absent();
    CHECK(a.time_may_end_it());
}

TEST_CASE("a look beside a begin does not end what is begun", "[unit][attempt]")
{
    auto record = create();
    attempt a(record, waits, start);
    a.begun();
    CHECK_FALSE(a.absent());
    CHECK(a.in() == state::begun);
}

TEST_CASE("of an update that may be half done the try stays stored", "[unit][attempt]")
{
    auto record = update();
    SECTION("in this life")
    {
        attempt a(record, waits, start);
        a.begun();
        const bool certain = GENERATE(true, false);
        a.partly_applied(certain);
        CHECK(a.may_be_partly_applied());
        CHECK(a.is_partly_applied() == certain);
        CHECK(a.changed_nothing() == stored_try::stays);
    }
    SECTION("in an earlier one")
    {
        record.begun.emplace();
        attempt a(record, waits, start);
        CHECK(a.may_be_partly_applied());
        a.absent();
        a.begun();
        CHECK(a.came_too_late() == stored_try::stays);
        CHECK(record.sent);
    }
}

TEST_CASE("after a jump of time it is as found at a start", "[unit][attempt]")
{
    auto record = create();
    attempt a(record, waits, start);
    SECTION("accepted")
    {
        a.time_jumped(start + 1h);
        CHECK(a.settles_at() == start + 1h + 5s);
        CHECK_FALSE(a.time_may_end_it()); // another life may have carried it out
        CHECK_FALSE(a.absent());
        CHECK(a.time_may_end_it());
    }
    SECTION("unknown")
    {
        a.begun();
        a.outcome_unknown(failed(ews::effect::unknown), false, start);
        a.time_jumped(start + 1h);
        CHECK(a.settles_at() == start + 1h + 120s);
    }
    CHECK(a.may_be_repeat());
    CHECK(record.restored);
}

TEST_CASE("a refusal that may be a mishap is believed at the fifth time", "[unit][attempt]")
{
    auto record = create();
    attempt a(record, waits, start);
    auto e = failed(ews::effect::none, ews::retry_action::give_up);
    CHECK(a.is_final(e));
    e.may_pass = true;
    for (int i = 0; i < 4; ++i)
        CHECK_FALSE(a.is_final(e));
    CHECK(a.is_final(e));
}

} // namespace
} // namespace relay::test
