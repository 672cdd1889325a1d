#include "tests/simulation/shrink.hpp"

#include <algorithm>

namespace relay::simulation {
namespace {

class shrinker {
public:
    shrinker(scenario s, const std::function<bool(const scenario&)>& fails, int tries)
        : best_(std::move(s)),
          fails_(fails),
          tries_(tries)
    {
    }

    scenario run()
    {
        for (auto stretch = std::max<std::size_t>(1, best_.actions.size() / 2);; stretch /= 2) {
            while (leave_out(stretch) && stretch == 1) {
            }
            if (stretch <= 1)
                break;
        }
        simplify();
        return std::move(best_);
    }

private:
    bool take(scenario candidate)
    {
        if (tries_-- <= 0 || !fails_(candidate))
            return false;
        best_ = std::move(candidate);
        return true;
    }

    // Once over the list, from its end; true where anything could go.
    bool leave_out(std::size_t stretch)
    {
        bool any = false;
        for (auto end = best_.actions.size(); end > 0;) {
            const auto begin = end > stretch ? end - stretch : 0;
            auto candidate = best_;
            candidate.actions.erase(candidate.actions.begin() + static_cast<std::ptrdiff_t>(begin),
                                    candidate.actions.begin() + static_cast<std::ptrdiff_t>(end));
            any = take(std::move(candidate)) || any;
            end = std::min(begin, best_.actions.size());
        }
        return any;
    }

    void simplify()
    {
        for (std::size_t i = 0; i < best_.actions.size(); ++i) {
            for (const auto shorter : {milliseconds(0), milliseconds(1'000)}) {
                auto candidate = best_;
                if (candidate.actions[i].length <= shorter)
                    continue;
                candidate.actions[i].length = shorter;
                if (take(std::move(candidate)))
                    break;
            }
            auto plain = best_;
            plain.actions[i].elsewhere = false;
            plain.actions[i].command.redelivered = false;
            if (best_.actions[i].command.redelivered)
                (void)take(std::move(plain));
        }
    }

    scenario best_;
    const std::function<bool(const scenario&)>& fails_;
    int tries_;
};

} // namespace

scenario shrink(scenario s, const std::function<bool(const scenario&)>& fails, int most_tries)
{
    return shrinker(std::move(s), fails, most_tries).run();
}

} // namespace relay::simulation
