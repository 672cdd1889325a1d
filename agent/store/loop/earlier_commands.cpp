#include "agent/store/loop/earlier_commands.hpp"

#include "agent/protocol/fingerprint.hpp"

#include <algorithm>
#include <utility>

namespace relay::store {

bool earlier_commands::may_run_now(const context_ptr& t, utc_time received_at, milliseconds ttl)
{
    earlier e{t, received_at, ttl};
    set_deadline(e, time_.utc_now());
    e.held = t->deadline <= time_.now() || held_lanes_.contains(t->ordering_key);
    if (e.held && !t->ordering_key.empty())
        held_lanes_.insert(t->ordering_key);
    all_.push_back(e);
    return !e.held;
}

// The time counts from the earlier of what two clocks said at the receipt to the earlier of what they say now: a clock that
// is wrong, but no more than before, makes it neither longer nor shorter.
std::vector<context_ptr> earlier_commands::count_anew(utc_time now)
{
    std::vector<context_ptr> waited;
    for (const auto& e : std::exchange(all_, {})) {
        set_deadline(e, now);
        if (e.held)
            waited.push_back(e.context);
    }
    held_lanes_.clear();
    return waited;
}

// Clocks are set back and forth: what was not received yet was received now, and no wait is longer than the longest.
void earlier_commands::set_deadline(const earlier& e, utc_time now) const
{
    const auto elapsed =
        std::clamp<milliseconds>(now - e.received_at, milliseconds(0), protocol::longest_ttl);
    e.context->received_at = time_.now() - elapsed;
    e.context->deadline = e.context->received_at + e.ttl;
}

} // namespace relay::store
