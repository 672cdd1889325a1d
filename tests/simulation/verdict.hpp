// Whether everything that PROTOCOL.md promises has held so far; the first breach is the one that is told.
#pragma once

#include <string>
#include <utility>

namespace relay::simulation {

class verdict {
public:
    void broken(std::string rule)
    {
        if (first_.empty())
            first_ = std::move(rule);
    }
    bool holds() const noexcept { return first_.empty(); }
    const std::string& first() const noexcept { return first_; }

private:
    std::string first_;
};

} // namespace relay::simulation
