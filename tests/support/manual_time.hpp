// Virtual time: nothing waits, a test moves the clock, and sleepers wake in the order of their deadlines.
#pragma once

#include "common/async/async.hpp"
#include "common/time/time_source.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <memory>

namespace relay::test {

class manual_time final : public time_source {
public:
    explicit manual_time(asio::io_context& context,
                         utc_time start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} + 10h)
        : context_(context),
          utc_(start)
    {
    }

    steady_time now() const override { return now_; }
    utc_time utc_now() const override { return utc_; }
    task<error_code> sleep_for(duration length) override;

    // Runs what is ready; then moves the clock by `by`, waking each sleeper at its own deadline and running what follows.
    void advance(duration by);
    // Runs what is ready without moving the clock.
    void settle();
    // Time passes while nothing runs, as for a process that is stopped: what was due meanwhile is due now.
    void leap(duration by) { move_to(now_ + by); }
    // The wall clock jumps (a clock correction); elapsed time does not.
    void jump_wall_clock(milliseconds by) { utc_ += by; }
    // The machine sleeps for so long, or its virtual machine stands still: elapsed time and wall clock jump, and who
    // sleeps wakes after it, where its time has come.
    void suspend(duration by);
    // How often it did.
    std::uint64_t jumps() const override { return jumps_; }
    std::size_t sleepers() const { return sleepers_.size(); }

private:
    struct sleeper {
        asio::steady_timer timer;
        bool woken = false;
    };
    void move_to(steady_time t);
    void wake_first();

    asio::io_context& context_;
    steady_time now_{1h};
    utc_time utc_;
    duration below_a_millisecond_{0};
    std::uint64_t jumps_ = 0;
    std::multimap<steady_time, std::shared_ptr<sleeper>> sleepers_;
};

} // namespace relay::test
