// How many requests may be under way at once where only failures tell how many are too many: additive increase,
// multiplicative decrease, as in TCP (RFC 5681).
#pragma once

#include "common/time/time_source.hpp"

#include <algorithm>
#include <optional>

namespace relay::exchange_access {

// A value; decides only.
class aimd_limit {
public:
    // Exchange works out budgets over seconds and minutes: what a burst gains it takes back with a long pause. So the way
    // up takes seconds, however fast the server answers.
    static constexpr duration between_raises = std::chrono::seconds(1);
    // After so long without a complaint nothing is left of what was learnt: budgets recharge within 5 minutes, and the
    // longest pause that is believed is 10.
    static constexpr duration forgotten_after = std::chrono::minutes(10);

    explicit aimd_limit(std::size_t most) : most_(std::max<std::size_t>(1, most)), now_(most_) {}

    std::size_t now() const noexcept { return now_; }
    bool is_full() const noexcept { return now_ >= most_; }

    void set_most(std::size_t most)
    {
        const bool was_full = is_full();
        most_ = std::max<std::size_t>(1, most);
        now_ = was_full ? most_ : std::min(now_, most_);
    }

    // A request that began at `began` was refused as too much: half as many from now on, one at least. True where that
    // changed something. What began before the last halving tells of the load before it, and halves nothing again.
    bool too_much(steady_time began, steady_time at)
    {
        if (lowered_at_ && began <= *lowered_at_)
            return false;
        lowered_at_ = at;
        steady_since_.reset();
        in_a_row_ = 0;
        const auto before = now_;
        now_ = std::max<std::size_t>(1, now_ / 2);
        return now_ != before;
    }

    // One more after as many successes as may be under way at once: a whole round went well.
    void went_well(steady_time began, steady_time at)
    {
        if (is_full() || (lowered_at_ && began <= *lowered_at_))
            return;
        if (!steady_since_) // the pause that came with the complaint is no time in which all went well
            steady_since_ = at;
        if (at - *lowered_at_ >= forgotten_after) {
            now_ = most_;
        } else if (++in_a_row_ >= now_ && at - *steady_since_ >= between_raises) {
            ++now_;
            steady_since_ = at;
            in_a_row_ = 0;
        }
    }

    // True where forgetting it altogether would come to the same.
    bool is_forgotten(steady_time at) const
    {
        return is_full() || (lowered_at_ && at - *lowered_at_ >= forgotten_after);
    }

private:
    std::size_t most_, now_;
    std::size_t in_a_row_ = 0;
    std::optional<steady_time> lowered_at_;
    std::optional<steady_time> steady_since_; // went well without a change
};

} // namespace relay::exchange_access
