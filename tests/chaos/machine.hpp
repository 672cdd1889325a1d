// The machine that an agent runs on, as far as the agent can see it: clocks and a disk that are changed from outside while
// it runs, by relay_shifted_clock and relay_slow_disk.
#pragma once

#include "tests/support/temporary_folder.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <string>

namespace relay::chaos {

// What a call cannot do throws.
class machine {
public:
    explicit machine(std::chrono::nanoseconds wall_ahead);

    std::map<std::string, std::string> environment() const; // of the agent

    // How far the wall clock is ahead of ours.
    std::chrono::nanoseconds wall_ahead() const noexcept { return wall_; }
    void set_wall(std::chrono::nanoseconds ahead);
    // It slept for that long, in which the agent was stopped: CLOCK_MONOTONIC stood still.
    void slept(std::chrono::nanoseconds length);
    // It is a virtual one that was paused likewise: only the wall clock went on.
    void was_paused(std::chrono::nanoseconds length);

    // From now on so many syncs are carried out, and every further one hangs.
    void hang_disk_after(int syncs);
    void free_disk();

private:
    void write_clocks() const;
    void write_disk(const std::string& how) const;

    test::temporary_folder folder_;
    std::filesystem::path clock_file_, disk_file_;
    std::chrono::nanoseconds wall_, elapsed_{0}, slept_{0};
};

} // namespace relay::chaos
