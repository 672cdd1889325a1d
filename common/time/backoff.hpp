// Exponential backoff with full jitter: each delay is drawn evenly from zero to a ceiling that doubles up to a cap.
#pragma once

#include "common/time/time_source.hpp"

#include <random>

namespace relay {

class backoff {
public:
    struct limits {
        duration first; // the ceiling of the first delay
        duration cap;   // no ceiling is higher
    };

    backoff(limits l, std::uint64_t seed) : limits_(l), ceiling_(l.first), random_(seed) {}

    // The next delay, 0 to the ceiling.
    duration next()
    {
        std::uniform_int_distribution<duration::rep> pick(0, ceiling_.count());
        const duration delay{pick(random_)};
        ceiling_ = std::min(limits_.cap, ceiling_ * 2);
        return delay;
    }

    void reset() { ceiling_ = limits_.first; }

private:
    limits limits_;
    duration ceiling_;
    std::mt19937_64 random_;
};

} // namespace relay
