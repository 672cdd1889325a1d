// Places at which a test can have this process die as in a power cut: before and after every step that makes
// something true on the disk, at Exchange or at the cloud. They exist only in builds with RELAY_CRASH_POINTS;
// in all others a call compiles to nothing.
#pragma once

#include "common/crash_point/enabled.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace relay {

// All steps. Each has two places, STEP.before and STEP.after.
inline constexpr std::array crash_steps{
    // start and end of the process
    std::string_view("start.open"), std::string_view("start.migrate"), std::string_view("start.recover"),
    std::string_view("stop.drain"), std::string_view("stop.close"),
    // a commit of the store that holds such a job
    std::string_view("store.admit"), std::string_view("store.begin"), std::string_view("store.retract"),
    std::string_view("store.finish"), std::string_view("store.append"), std::string_view("store.acknowledge"),
    std::string_view("store.renew"), std::string_view("store.prune"), std::string_view("store.audit"),
    std::string_view("store.checkpoint"),
    // a request to Exchange: before it leaves, after it was answered or given up
    std::string_view("ews.find"), std::string_view("ews.get"), std::string_view("ews.create"),
    std::string_view("ews.update"), std::string_view("ews.remove"), std::string_view("ews.other"),
    // a frame to the cloud
    std::string_view("send.hello"), std::string_view("send.accepted"), std::string_view("send.result"),
    std::string_view("send.goodbye"), std::string_view("send.other"),
    // a frame from the cloud: before and after it is acted upon
    std::string_view("take.welcome"), std::string_view("take.command"), std::string_view("take.ack"),
    std::string_view("take.cancel"), std::string_view("take.drain"), std::string_view("take.other"),
    // a commit that changes what is watched, or stores what is told of it
    std::string_view("store.watch"), std::string_view("store.tell")};

// One of them by its name; a name that is not in the table does not compile.
class crash_step {
public:
    consteval crash_step(const char* name) : index_(0)
    {
        while (crash_steps.at(index_) != name) // at(): past the end is no constant
            ++index_;
    }
    constexpr std::size_t index() const noexcept { return index_; }

private:
    std::size_t index_;
};

enum class crash_moment { before, after };

namespace detail {
void reach(crash_step step, crash_moment moment) noexcept;
}

// Ends the process by SIGKILL where RELAY_CRASH_AT is STEP.MOMENT or STEP.MOMENT:K and this place is reached
// for the K-th time (from 1). Where RELAY_CRASH_LOG names a file, every visit is a line in it. Any thread.
inline void crash_point(crash_step step, crash_moment moment) noexcept
{
    if constexpr (crash_points_enabled)
        detail::reach(step, moment);
}

} // namespace relay
