#include "agent/exchange_access/circuit_breaker.hpp"

#include <catch2/catch.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

using namespace relay;
using namespace relay::exchange_access;

namespace {

struct gate_fixture {
    std::ostringstream lines;
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::ostream_sink_st>(lines)};
    int changed = 0;
    circuit_breaker gate{1, [this] { ++changed; }, log};
    steady_time now{1h};
    utc_time wall{};

    void fail(const ews::error& e, const std::string& mailbox = "a@x") { gate.failed(e, mailbox, now, wall); }
    bool may(bool repeated = false, const std::string& mailbox = "a@x")
    {
        return gate.may_start(mailbox, repeated, now) <= now;
    }
    int count_lines() const
    {
        const auto text = lines.str();
        return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
    }
};

const ews::error outage{{protocol::fault_code::exchange_unavailable, "mail:443: refused", {}},
                        ews::retry_action::retry,
                        ews::effect::none,
                        {},
                        false};
const ews::error refused{{protocol::fault_code::auth_failed, "refused", {}},
                         ews::retry_action::sign_in,
                         ews::effect::none,
                         {},
                         false};

ews::error busy(milliseconds back_off, bool whole_server)
{
    return {{protocol::fault_code::exchange_busy, "busy", "ErrorServerBusy"},
            ews::retry_action::back_off,
            ews::effect::none,
            back_off,
            whole_server};
}

} // namespace

TEST_CASE_METHOD(gate_fixture, "a failure from before the last success begins no other outage",
                 "[unit][exchange_access]")
{
    const auto began = now;
    fail(outage);
    now += 1s;
    gate.succeeded(now, wall);
    REQUIRE(gate.state() == server_state::ok);
    REQUIRE(count_lines() == 2);
    now += 1ms;
    gate.failed(outage, "a@x", now, wall, began);
    CHECK(gate.state() == server_state::ok);
    CHECK(count_lines() == 2);
    gate.failed(outage, "a@x", now + 1ms, wall, now);
    CHECK(gate.state() == server_state::unreachable);
    CHECK(count_lines() == 3);
}

TEST_CASE_METHOD(gate_fixture, "in an outage a first try may go, repeats go one at a time",
                 "[unit][exchange_access]")
{
    fail(outage);
    CHECK(gate.state() == server_state::unreachable);
    CHECK(may(false));
    now += 1s;
    CHECK(may(true));
    CHECK_FALSE(may(true)); // the first one is the probe
    fail(outage);
    now += 30s;
    CHECK(may(true));
}

TEST_CASE_METHOD(gate_fixture, "an outage and its end are one line each, and waiting commands are woken",
                 "[unit][exchange_access]")
{
    for (int i = 0; i < 50; ++i)
        fail(outage);
    CHECK(count_lines() == 1);
    CHECK(changed == 50); // each failed probe lets the next command be one
    gate.succeeded(now, wall);
    CHECK(gate.state() == server_state::ok);
    CHECK(changed == 51);
    CHECK(count_lines() == 2);
    CHECK(may(true));
}

TEST_CASE_METHOD(gate_fixture, "a throttled mailbox pauses alone", "[unit][exchange_access]")
{
    fail(busy(5s, false));
    CHECK_FALSE(may());
    CHECK(may(false, "b@x"));
    now += 4999ms;
    CHECK_FALSE(may());
    now += 1ms + 5000ms / 8; // and the longest jitter
    CHECK(may());
}

TEST_CASE_METHOD(gate_fixture, "no pause is shorter than Exchange asked for, and none is without an end",
                 "[unit][exchange_access]")
{
    for (int i = 0; i < 200; ++i) {
        const auto mailbox = std::to_string(i) + "@x";
        fail(busy(1h, false), mailbox);
        const auto until = gate.earliest_start(mailbox, false);
        CHECK(until >= now + 10min);
        CHECK(until <= now + 10min + 10s);
    }
}

TEST_CASE_METHOD(gate_fixture, "a throttled service account pauses everybody", "[unit][exchange_access]")
{
    fail(busy(5s, true));
    CHECK_FALSE(may());
    CHECK_FALSE(may(false, "b@x"));
    gate.succeeded(now, wall); // a request from before
    CHECK(gate.state() == server_state::busy);
    now += 5s + 5000ms / 8;
    CHECK(may(false, "b@x"));
    gate.succeeded(now, wall);
    CHECK(gate.state() == server_state::ok);
}

TEST_CASE_METHOD(gate_fixture, "a refused sign-in is told as an error once", "[unit][exchange_access]")
{
    fail(refused);
    fail(refused);
    CHECK(gate.state() == server_state::auth_failed);
    CHECK(count_lines() == 1);
}

TEST_CASE_METHOD(gate_fixture, "a server that says how long it is away is down until then, not busy",
                 "[unit][exchange_access]")
{
    auto away = busy(60s, true);
    away.fault = {protocol::fault_code::exchange_unavailable, "HTTP 503", {}};
    fail(away);
    CHECK(gate.state() == server_state::unreachable);
    now += 59s;
    CHECK_FALSE(may(false));
    CHECK_FALSE(may(true));
    now += 1s + 60'000ms / 8;
    CHECK(may(false));
    CHECK(may(true));
    CHECK_FALSE(may(true)); // the other is the probe
    gate.succeeded(now, wall);
    CHECK(gate.state() == server_state::ok);
    CHECK(count_lines() == 2);
}

TEST_CASE_METHOD(gate_fixture, "after each pause that a server away asks for, somebody asks it again",
                 "[unit][exchange_access]")
{
    auto away = busy(5s, true);
    away.fault = {protocol::fault_code::exchange_unavailable, "503", {}};
    fail(away);
    for (int round = 0; round < 3; ++round) {
        now += 6s;
        REQUIRE(may(true));
        CHECK_FALSE(may(true));
        const auto before = changed;
        fail(away);
        CHECK(changed > before);
    }
    now += 6s;
    CHECK(may(true));
}

TEST_CASE_METHOD(gate_fixture, "whatever Exchange says of a mailbox, another is soon asked after an outage",
                 "[unit][exchange_access]")
{
    fail(outage);
    now += 1min;
    REQUIRE(may(true));
    const auto before = changed;
    auto gone = outage;
    gone.fault = {protocol::fault_code::mailbox_not_found, "no", "ErrorNonExistentMailbox"};
    gone.retry_action = ews::retry_action::give_up;
    fail(GENERATE_REF(busy(30s, false), gone));
    CHECK(changed == before + 1);
    CHECK(gate.state() == server_state::unreachable); // so that those who rest are not woken
    now += 2s;
    CHECK(may(true, "b@x"));
}

TEST_CASE_METHOD(gate_fixture, "commands that are throttled do not wake each other",
                 "[unit][exchange_access]")
{
    fail(busy(50ms, true));
    fail(busy(50ms, true));
    fail(refused);
    CHECK(changed == 0);
}
