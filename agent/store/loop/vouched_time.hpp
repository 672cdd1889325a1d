// The time as two witnesses say it. A machine's clock may be days wrong: after a dead battery, in a restored machine, by a
// hand that slipped. What is forgotten by age is forgotten only when the cloud's clock says so as well.
#pragma once

#include "common/time/time_source.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace relay::store {

// Loop thread only.
class vouched_time {
public:
    // A wall clock that is set ahead makes a jump of elapsed time, and is no second witness then: the time between two looks
    // with a jump between them is not believed to have passed.
    explicit vouched_time(const time_source& time) : time_(time) {}

    // The cloud's word, as it arrives.
    void told(utc_time cloud) { told_ = heard{cloud, time_.now(), duration(0), time_.now(), time_.jumps()}; }

    // It is at least so late, as both say. Nothing before the cloud has spoken to this process.
    std::optional<utc_time> at_least() const
    {
        return told_ ? std::optional(std::min(time_.utc_now(), cloud())) : std::nullopt;
    }
    // The same for what is forgotten for ever: a jump that the cloud has not confirmed does not count.
    std::optional<utc_time> proven() const
    {
        if (!told_)
            return std::nullopt;
        const auto now = time_.now();
        const auto count = time_.jumps();
        if (std::exchange(told_->jumps, count) == count)
            told_->proven += now - told_->looked;
        told_->looked = now;
        return std::min(time_.utc_now(), told_->said + std::chrono::floor<milliseconds>(told_->proven));
    }
    // It is at most so late, as far as is known.
    utc_time at_the_latest() const { return told_ ? std::max(time_.utc_now(), cloud()) : time_.utc_now(); }

private:
    struct heard {
        utc_time said;
        steady_time at;
        duration proven; // since then
        steady_time looked;
        std::uint64_t jumps;
    };
    utc_time cloud() const { return told_->said + std::chrono::floor<milliseconds>(time_.now() - told_->at); }

    const time_source& time_;
    mutable std::optional<heard> told_;
};

} // namespace relay::store
