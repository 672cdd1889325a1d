#include "agent/exchange_access/idle_probe.hpp"

#include "common/async/task_group.hpp"
#include "tests/support/manual_time.hpp"
#include "tests/support/scripted_exchange.hpp"

#include <catch2/catch.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/null_sink.h>

using namespace relay;
using namespace relay::exchange_access;
using test::scripted_exchange;
using call = scripted_exchange::call;

namespace {

struct probe_fixture {
    asio::io_context context{1};
    test::manual_time time{context};
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::null_sink_st>()};
    scripted_exchange exchange{context.get_executor(), time};
    circuit_breaker gate{1, [] {}, log};
    task_group tasks{context.get_executor()};

    probe_fixture() { tasks.spawn(keep_asking(exchange, gate, time)); }
    ~probe_fixture()
    {
        tasks.stop();
        time.settle();
    }
    int asked() const { return exchange.count(call::resolve); }
};

} // namespace

TEST_CASE_METHOD(probe_fixture,
                 "Exchange is asked at start, and once a minute while nothing else is heard of it",
                 "[unit][exchange_access]")
{
    time.settle();
    CHECK(asked() == 1);
    CHECK(gate.state() == server_state::ok);
    time.advance(59s);
    CHECK(asked() == 1);
    time.advance(2s);
    CHECK(asked() == 2);
    for (int i = 0; i < 10; ++i) { // a busy agent has no need to ask
        time.advance(30s);
        gate.succeeded(time.now(), time.utc_now());
    }
    CHECK(asked() == 2);
}

TEST_CASE_METHOD(probe_fixture, "an outage that begins while the agent is idle is noticed, and so is its end",
                 "[unit][exchange_access]")
{
    time.settle();
    exchange.troubles = {{call::resolve,
                          {{protocol::fault_code::exchange_unavailable, "refused", {}},
                           ews::retry_action::retry,
                           ews::effect::none,
                           {},
                           false}}};
    time.advance(61s);
    CHECK(gate.state() == server_state::unreachable);
    time.advance(61s);
    CHECK(gate.state() == server_state::ok);
}

TEST_CASE_METHOD(probe_fixture, "a pause that Exchange asked for is kept", "[unit][exchange_access]")
{
    time.settle();
    gate.failed({{protocol::fault_code::exchange_busy, "busy", "ErrorServerBusy"},
                 ews::retry_action::back_off,
                 ews::effect::none,
                 5min,
                 true},
                {}, time.now(), time.utc_now());
    time.advance(4min);
    CHECK(asked() == 1);
    time.advance(71s); // and the longest jitter
    CHECK(asked() == 2);
}
