#include "common/time/elapsed_clock.hpp"

#include <algorithm>

namespace relay {

steady_time elapsed_clock::at(const clock_readings& r)
{
    const offsets now{r.with_sleep - r.running, r.wall - r.with_sleep};
    if (!seen_) {
        seen_ = now;
        base_ = -now.slept;
    }
    bool jumped = false;
    if (now.slept > seen_->slept + tolerance) {
        seen_->slept = now.slept;
        jumped = true;
    }
    if (now.wall_lead < seen_->wall_lead) {
        seen_->wall_lead = now.wall_lead;
    } else if (now.wall_lead > seen_->wall_lead + tolerance) {
        const auto step = std::min(now.wall_lead - seen_->wall_lead, longest_step);
        stepped_ = std::min(stepped_ + step, most_steps);
        seen_->wall_lead = now.wall_lead;
        jumped = true;
    }
    if (jumped)
        ++jumps_;
    last_ = std::max(last_, steady_time(r.with_sleep + base_ + stepped_));
    return last_;
}

} // namespace relay
