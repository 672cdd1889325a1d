// Tells a silent link from a dead one: when to ping, and when to give up.
#pragma once

#include "common/time/time_source.hpp"

#include <algorithm>

namespace relay::uplink {

// Sans-IO: asked with the time of the last sign of life, answers what to do now.
class heartbeat {
public:
    static constexpr duration shortest = 1s, longest = 1h; // what `welcome` may ask for

    heartbeat(duration interval, steady_time now)
        : interval_(std::clamp(interval, shortest, longest)),
          next_ping_(now + interval_)
    {
    }

    enum class action { wait, ping, dead };
    struct decision {
        action what;
        duration wait; // until the next question
    };

    // A ping that is told to be sent counts as sent.
    decision next(steady_time now, steady_time last_arrival)
    {
        const auto dead_at = last_arrival + 2 * interval_;
        if (now >= dead_at)
            return {action::dead, duration::zero()};
        if (now >= next_ping_) {
            // From now, not from when it was due: after a suspend there is no burst of pings to catch up with.
            next_ping_ = now + interval_;
            return {action::ping, std::min(next_ping_, dead_at) - now};
        }
        return {action::wait, std::min(next_ping_, dead_at) - now};
    }

    duration interval() const noexcept { return interval_; }

private:
    duration interval_;
    steady_time next_ping_;
};

} // namespace relay::uplink
