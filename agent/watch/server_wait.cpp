#include "agent/watch/server_wait.hpp"

#include <algorithm>

namespace relay::watch {
namespace {

constexpr duration between_looks = std::chrono::seconds(2);

}

task<bool> until_usable(exchange_access::circuit_breaker& gate, time_source& time, const bool& stopping)
{
    using exchange_access::server_state;
    for (;;) {
        if (stopping)
            co_return false;
        const auto now = time.now();
        const auto state = gate.state();
        const bool away = state == server_state::unreachable || state == server_state::auth_failed;
        const auto from = away ? now + between_looks : gate.may_start({}, false, now);
        if (from <= now)
            co_return true;
        const auto interrupted = co_await time.sleep_for(std::min(from - now, between_looks));
        if (interrupted)
            co_return false;
    }
}

} // namespace relay::watch
