// How much time has passed, also while the machine slept or its virtual machine stood still.
#pragma once

#include "common/time/time_source.hpp"

#include <cstdint>
#include <optional>

namespace relay {

// One look at the machine's clocks, all at the same instant.
struct clock_readings {
    duration running{0};    // elapsed, without the time in which the machine slept
    duration with_sleep{0}; // elapsed, with it; stands still in a virtual machine that is paused
    duration wall{0};       // UTC, which people and NTP set
};

// Sans-IO: readings in, elapsed time out, which never goes back.
//
// It is the clock that counts sleep, and each step that the wall clock makes ahead of it: a virtual machine that was paused,
// or put back to a snapshot of its memory, shows only in the wall clock, once that is set right. A wall clock that is merely
// set forward looks the same and counts too: a command may then end too early, and is never carried out too late.
// A step back takes nothing away, and hides nothing: the next step ahead counts from where the wall clock is then, so that a
// clock that was once far ahead does not make this one blind. A clock that is set to and fro ages everything by each way
// ahead.
class elapsed_clock {
public:
    // What the wall clock may gain before it counts as a step, and what counts as sleep. Clocks are read one after the other
    // and NTP slews by up to 0.5 ms a second: that adds up to this much before it is taken over, and is not lost.
    static constexpr duration tolerance = std::chrono::milliseconds(250);
    // One step counts for no more: what waits for a longer time than this is not told from what waits for ever.
    static constexpr duration longest_step = std::chrono::hours(24 * 366);
    // All steps together: where a clock is that broken, the one that counts sleep has to do.
    static constexpr duration most_steps = std::chrono::hours(24 * 366 * 100);

    // The time at `r`, which is no earlier than the reading before. At the first it is that of the running clock.
    steady_time at(const clock_readings& r);

    // How often the machine slept or its wall clock made a step ahead, by the last reading.
    std::uint64_t jumps() const noexcept { return jumps_; }

private:
    struct offsets {
        duration slept;     // with_sleep is ahead of running
        duration wall_lead; // wall is ahead of with_sleep
    };

    std::optional<offsets> seen_; // nothing before the first reading
    duration base_{0};            // what makes the first reading that of the running clock
    duration stepped_{0};         // by the wall clock, in all
    steady_time last_ = steady_time::min();
    std::uint64_t jumps_ = 0;
};

} // namespace relay
