// The time of the agent: goes on while the machine sleeps, and so do the waits on it.
#pragma once

#include "common/time/elapsed_clock.hpp"
#include "common/time/time_source.hpp"

#include <functional>
#include <memory>

namespace relay {

// Loop thread only, on one io_context.
class machine_time final : public time_source {
public:
    using clocks = std::function<clock_readings()>;

    machine_time();
    explicit machine_time(clocks read); // for tests
    ~machine_time() override;
    machine_time(const machine_time&) = delete;
    machine_time& operator=(const machine_time&) = delete;

    steady_time now() const override;
    utc_time utc_now() const override
    {
        return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    }
    // Timers of the system stand still while the machine sleeps. Who waits across a jump is woken within `look_interval`
    // after it, where its time has come.
    boost::asio::awaitable<error_code> sleep_for(duration length) override;

    std::uint64_t jumps() const override;
    // `told` is called after each, as soon as it is noticed, with how long it was; from the loop, and only while somebody
    // waits. At most one listener; an empty one ends that.
    void on_jump(std::function<void(duration)> told);

    static constexpr duration look_interval = std::chrono::seconds(1);

private:
    class state;
    std::shared_ptr<state> state_; // handlers of waits under way find it gone
};

} // namespace relay
