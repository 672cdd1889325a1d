// The time as two witnesses say it. A machine's clock may be days wrong: after a dead battery, in a restored machine, by a
// hand that slipped. What is forgotten by age is forgotten only when the cloud's clock says so as well.
#pragma once

#include "common/time/time_source.hpp"

#include <algorithm>
#include <optional>

namespace relay::store {

// Loop thread only.
class vouched_time {
public:
    explicit vouched_time(const time_source& time) : time_(time) {}

    // The cloud's word, as it arrives.
    void told(utc_time cloud) { told_ = heard{cloud, time_.now()}; }

    // It is at least so late, as both say. Nothing before the cloud has spoken to this process.
    std::optional<utc_time> at_least() const
    {
        return told_ ? std::optional(std::min(time_.utc_now(), cloud())) : std::nullopt;
    }
    // It is at most so late, as far as is known.
    utc_time at_the_latest() const { return told_ ? std::max(time_.utc_now(), cloud()) : time_.utc_now(); }

private:
    struct heard {
        utc_time said;
        steady_time at;
    };
    utc_time cloud() const { return told_->said + std::chrono::floor<milliseconds>(time_.now() - told_->at); }

    const time_source& time_;
    std::optional<heard> told_;
};

} // namespace relay::store
