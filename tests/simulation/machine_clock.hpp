// The clocks of the agent's machine over the time that passes for everybody, and the agent's own reading of them. While
// the machine is suspended the running clock stands still.
#pragma once

#include "common/time/elapsed_clock.hpp"
#include "tests/support/manual_time.hpp"

#include <algorithm>

namespace relay::simulation {

class machine_clock final : public time_source {
public:
    explicit machine_clock(test::manual_time& everybodys) : everybodys_(everybodys) {}

    steady_time now() const override { return elapsed_.at(readings()); }
    utc_time utc_now() const override { return everybodys_.utc_now() + ahead_; }
    // Who sleeps across a jump of the wall clock wakes when it would have: late, which must do no harm.
    task<error_code> sleep_for(duration length) override
    {
        const auto until = now() + std::min(length, longest_wait);
        error_code ec;
        while (!ec.failed() && now() < until)
            ec = co_await everybodys_.sleep_for(until - now());
        co_return ec;
    }
    std::uint64_t jumps() const override
    {
        (void)now();
        return elapsed_.jumps();
    }

    // Another process reads the clocks from now on.
    void process_starts() { elapsed_ = {}; }
    // Somebody sets its wall clock, which is wrong by so much more then.
    void jump_wall_clock(milliseconds by) { ahead_ += by; }
    // Nothing runs for so long: the process is stopped.
    void stop_for(duration length) { everybodys_.leap(length); }
    // The same, and the machine sleeps.
    void suspend_for(duration length)
    {
        everybodys_.leap(length);
        asleep_ += length;
    }

private:
    static constexpr duration longest_wait = std::chrono::hours(24 * 366 * 50); // no sum of times overflows

    clock_readings readings() const
    {
        const auto elapsed = everybodys_.now().time_since_epoch();
        return {elapsed - asleep_, elapsed, utc_now().time_since_epoch()};
    }

    test::manual_time& everybodys_;
    mutable elapsed_clock elapsed_;
    duration asleep_{0};
    milliseconds ahead_{0};
};

} // namespace relay::simulation
