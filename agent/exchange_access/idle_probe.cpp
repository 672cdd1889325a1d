#include "agent/exchange_access/idle_probe.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace relay::exchange_access {
namespace {

constexpr duration idle_for = 60s;
constexpr duration request_limit = 10s;

} // namespace

task<void> keep_asking(ews::exchange& exchange, circuit_breaker& gate, time_source& time)
{
    for (;;) {
        const auto now = time.now();
        // Not before a pause is over that Exchange asked for.
        const auto due =
            std::max(gate.last_heard() ? *gate.last_heard() + idle_for : now, gate.earliest_start({}, false));
        if (due > now) {
            const auto interrupted = co_await time.sleep_for(due - now);
            if (interrupted)
                co_return;
            continue; // meanwhile a command may have heard of it
        }
        const auto answer = co_await exchange.resolve_account(request_limit);
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            co_return;
        if (answer.has_value())
            gate.succeeded(time.now(), time.utc_now());
        else
            gate.failed(answer.error(), {}, time.now(), time.utc_now());
    }
}

} // namespace relay::exchange_access
