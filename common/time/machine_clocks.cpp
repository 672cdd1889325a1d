// Linux: CLOCK_BOOTTIME counts suspend, CLOCK_MONOTONIC does not. (On Windows it would be the interrupt time, with and without
// its bias.)
#include "common/time/machine_clocks.hpp"

#include <ctime>

namespace relay {
namespace {

duration read(clockid_t id)
{
    timespec t{};
    ::clock_gettime(id, &t);
    return std::chrono::duration_cast<duration>(std::chrono::seconds(t.tv_sec) +
                                                std::chrono::nanoseconds(t.tv_nsec));
}

// The process may be held up between two clocks. The readings would tell of a step that nobody made.
constexpr duration at_once = std::chrono::milliseconds(20);
constexpr int most_readings = 5;

} // namespace

clock_readings read_machine_clocks()
{
    clock_readings r;
    for (int n = 0; n < most_readings; ++n) {
        const auto before = read(CLOCK_MONOTONIC);
        r.with_sleep = read(CLOCK_BOOTTIME);
        r.wall = read(CLOCK_REALTIME);
        r.running = read(CLOCK_MONOTONIC);
        if (r.running - before < at_once)
            break;
    }
    return r;
}

} // namespace relay
