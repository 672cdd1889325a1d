#include "agent/status/measures.hpp"

#include <algorithm>
#include <chrono>

namespace relay::status {

void latency::add(duration took) noexcept
{
    const auto seconds = std::max(0.0, std::chrono::duration<double>(took).count());
    const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
    ++buckets_[static_cast<std::size_t>(bucket)];
    ++count_;
    sum_seconds_ += seconds;
}

std::optional<double> latency::quantile_seconds(double q) const noexcept
{
    if (count_ == 0)
        return std::nullopt;
    const double wanted = q * static_cast<double>(count_);
    double below = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        const auto here = static_cast<double>(buckets_[i]);
        if (here > 0 && below + here >= wanted) {
            const double from = i == 0 ? 0 : bounds[i - 1];
            return from + (bounds[i] - from) * (wanted - below) / here;
        }
        below += here;
    }
    return bounds.back();
}

label_set::label_set(std::vector<std::string> known, std::size_t room, std::string rest)
    : names_(std::move(known)),
      most_(names_.size() + room),
      rest_(std::move(rest))
{
    names_.reserve(most_);
}

std::size_t label_set::row_of(std::string_view name)
{
    const auto found = std::ranges::find(names_, name);
    if (found != names_.end())
        return static_cast<std::size_t>(found - names_.begin());
    if (names_.size() == most_)
        return most_;
    names_.emplace_back(name);
    return names_.size() - 1;
}

std::string_view label_set::name(std::size_t row) const noexcept
{
    if (row == most_)
        return rest_;
    return row < names_.size() ? std::string_view(names_[row]) : std::string_view();
}

} // namespace relay::status
