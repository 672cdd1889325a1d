// The reference model: what other agents, people and clocks do.
#include "tests/simulation/reference.hpp"

#include <algorithm>

namespace relay::simulation {

const order& reference::redelivered(const std::string& id)
{
    auto& t = commands_.at(id);
    t.what.redelivered = true;
    return t.what;
}

void reference::done_elsewhere(const std::string& id)
{
    auto& t = commands_.at(id);
    auto& l = lanes_.at(t.what.lane());
    if (t.effects != 0)
        broken(id, "took effect twice, here and by another agent");
    t.elsewhere = true;
    changed_by_others(l, t.what.what == kind::cancel ? std::nullopt : std::optional(t.what.subject));
    l.last_effect = id;
    l.from_elsewhere = true;
}

void reference::changed_by_others(lane& l, std::optional<std::string> now)
{
    l.by_others.push_back({time_.now(), l.now});
    l.by_others.push_back({time_.now(), now});
    l.now = std::move(now);
    l.after.back().insert(l.now);
}

void reference::changed_by_hand(const std::string& name, std::optional<std::string> now, bool restored)
{
    auto& l = lanes_[name];
    changed_by_others(l, std::move(now));
    l.last_effect.clear();
    l.restored = l.restored || restored;
}

void reference::copied_by_hand(const std::string& name)
{
    lanes_[name].copied = true;
}

void reference::copy_touched(const std::string& name)
{
    broken(name, "a copy that somebody made by hand was changed");
}

bool reference::restored_by_hand(const std::string& name) const
{
    const auto found = lanes_.find(name);
    return found != lanes_.end() && found->second.restored;
}

void reference::wall_clock_jumped(milliseconds by)
{
    wall_offset_ += by;
    for (auto& [id, t] : commands_) {
        // Each step ahead counts as time, also one that only makes good.
        t.lowest_offset = std::min(t.lowest_offset, wall_offset_);
        t.wall_ahead = std::max(t.wall_ahead, wall_offset_ - t.lowest_offset);
    }
}

// A wall clock that was set back may be believed after the next restart.
bool reference::over_for_good(const std::string& id) const
{
    const auto found = commands_.find(id);
    if (found == commands_.end())
        return false;
    const auto& t = found->second;
    return t.delivered && !t.pending && wall_offset_ >= t.wall_offset &&
           time_.now() > latest_end(t) + settle_;
}

} // namespace relay::simulation
