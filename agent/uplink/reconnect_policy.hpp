// When to dial again: growing pauses with full jitter after failures, the cloud's own figure where it gave one.
#pragma once

#include "common/time/backoff.hpp"

#include <algorithm>

namespace relay::uplink {

// Sans-IO: told what happened, answers how long to wait.
class reconnect_policy {
public:
    static constexpr backoff::limits pauses{.first = 500ms, .cap = 60s};
    static constexpr duration steady = 30s; // a link that stayed up this long starts the pauses over
    static constexpr duration longest_drain =
        5min; // a cloud that drains for longer is asked again all the same
    static constexpr duration longest_reject = 24h;

    explicit reconnect_policy(std::uint64_t seed) : backoff_(pauses, seed) {}

    // No link came about, or the one that was up for `up_for` is lost.
    duration after_failure(duration up_for = duration::zero())
    {
        if (up_for >= steady)
            backoff_.reset();
        return backoff_.next();
    }

    // `reject` asks for its own pause, and says nothing about the network: the backoff stays where it is.
    duration after_reject(duration retry_after) const
    {
        return std::clamp<duration>(retry_after, 1s, longest_reject);
    }

    // A drain is no failure, but a cloud that drains every link at once must not be dialled without a pause.
    duration after_drain(duration reconnect_after, duration up_for)
    {
        const auto asked = std::clamp<duration>(reconnect_after, duration::zero(), longest_drain);
        return up_for >= steady ? asked : std::max(asked, backoff_.next());
    }

private:
    backoff backoff_;
};

} // namespace relay::uplink
