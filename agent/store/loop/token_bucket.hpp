// So many at once, and so many a second after that.
#pragma once

#include "common/time/time_source.hpp"

#include <algorithm>
#include <utility>

namespace relay::store {

class token_bucket {
public:
    token_bucket(double most, double a_second) : most_(most), a_second_(a_second), left_(most) {}

    // False where none is left at `now`.
    bool take(steady_time now)
    {
        const std::chrono::duration<double> passed =
            now - std::exchange(filled_at_, std::max(now, filled_at_));
        left_ = std::min(most_, left_ + std::max(0.0, passed.count()) * a_second_);
        if (left_ < 1)
            return false;
        --left_;
        return true;
    }

private:
    double most_, a_second_, left_;
    steady_time filled_at_{}; // long ago: full
};

} // namespace relay::store
