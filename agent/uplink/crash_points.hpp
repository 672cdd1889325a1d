// Where tests kill the agent around a frame (common/crash_point): which of the steps a frame is.
#pragma once

#include "agent/protocol/messages.hpp"
#include "common/crash_point/crash_point.hpp"

#include <span>
#include <string>
#include <string_view>

namespace relay::uplink {

crash_step step_of(std::string_view frame) noexcept; // one of ours
crash_step step_of(const protocol::inbound& message) noexcept;

inline void crash_points(std::span<const std::string> sent, crash_moment m)
{
    if constexpr (crash_points_enabled)
        for (const auto& frame : sent)
            crash_point(step_of(frame), m);
}

inline void crash_points(const protocol::inbound& taken, crash_moment m)
{
    if constexpr (crash_points_enabled)
        crash_point(step_of(taken), m);
}

} // namespace relay::uplink
