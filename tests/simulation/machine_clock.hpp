// The clocks of the agent's machine over the time that passes for everybody. While the machine is suspended its
// clock of elapsed time stands still, and the timers with it.
#pragma once

#include "tests/support/manual_time.hpp"

namespace relay::simulation {

class machine_clock final : public time_source {
public:
    explicit machine_clock(test::manual_time& everybodys) : everybodys_(everybodys) {}

    steady_time now() const override { return everybodys_.now() - asleep_; }
    utc_time utc_now() const override { return everybodys_.utc_now(); }
    task<error_code> sleep_for(duration length) override
    {
        const auto until = now() + length;
        error_code ec;
        while (!ec.failed() && now() < until)
            ec = co_await everybodys_.sleep_for(until - now());
        co_return ec;
    }

    // Nothing runs for so long: the process is stopped.
    void stop_for(duration length) { everybodys_.leap(length); }
    // The same, and the machine sleeps.
    void suspend_for(duration length)
    {
        everybodys_.leap(length);
        asleep_ += length;
    }

private:
    test::manual_time& everybodys_;
    duration asleep_{0};
};

} // namespace relay::simulation
