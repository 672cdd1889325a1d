// The one way to read a clock or to wait, so that a test can run a day in a millisecond.
#pragma once

#include "common/error/error.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace relay {

using namespace std::chrono_literals;

using duration = std::chrono::steady_clock::duration;      // an elapsed time
using steady_time = std::chrono::steady_clock::time_point; // for deadlines: never jumps
using milliseconds = std::chrono::milliseconds;
using utc_time = std::chrono::sys_time<std::chrono::milliseconds>; // for people, records and Exchange

// Owned by app (real_time) or by a test (manual_time); outlives every part that waits on it. Loop thread only.
class time_source {
public:
    virtual ~time_source() = default;

    virtual steady_time now() const = 0;
    virtual utc_time utc_now() const = 0;
    // How often elapsed time made a jump: the machine slept, or its wall clock was set ahead (elapsed_clock). What was known
    // before one may be old. Never where nobody counts.
    virtual std::uint64_t jumps() const { return 0; }

    // Completes after `length` (at once where it is not positive) with success, or with operation_aborted where the
    // waiting coroutine is cancelled. Reports by value, never throws for a cancel: see with_timeout.
    virtual boost::asio::awaitable<error_code> sleep_for(duration length) = 0;
};

// The machine's clocks and asio timers.
class real_time final : public time_source {
public:
    steady_time now() const override { return std::chrono::steady_clock::now(); }
    utc_time utc_now() const override
    {
        return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    }
    boost::asio::awaitable<error_code> sleep_for(duration length) override;
};

} // namespace relay
