// Counting: how often by two labels, and how long. Fixed in size, so that no name from outside makes it grow.
#pragma once

#include "common/time/time_source.hpp"

#include <array>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relay::status {

// How long things took, as a histogram. A value.
class latency {
public:
    // Upper bounds in seconds: a free/busy question takes some 10 ms, a write that waits for Exchange up to its ttl.
    static constexpr std::array<double, 15> bounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                                   2.5,   5,    10,    30,   120, 600,  3600};

    void add(duration took) noexcept;

    // Of each bound, and above the last: not cumulative.
    const std::array<std::uint64_t, bounds.size() + 1>& buckets() const noexcept { return buckets_; }
    std::uint64_t count() const noexcept { return count_; }
    double sum_seconds() const noexcept { return sum_seconds_; }
    // Estimated within a bucket; the last bound for what is above it. Nothing where nothing was added.
    std::optional<double> quantile_seconds(double q) const noexcept;

private:
    std::array<std::uint64_t, bounds.size() + 1> buckets_{};
    std::uint64_t count_ = 0;
    double sum_seconds_ = 0;
};

// Names that may stand in a label. Once it is full, every other name is `rest`, the last row.
class label_set {
public:
    // Takes `room` names beside `known`, first come, first served.
    label_set(std::vector<std::string> known, std::size_t room, std::string rest);

    std::size_t row_of(std::string_view name);
    // Rows that can ever be: the known, the room, the rest.
    std::size_t rows() const noexcept { return most_ + 1; }
    // Empty for a row that no name has taken yet.
    std::string_view name(std::size_t row) const noexcept;

private:
    std::vector<std::string> names_;
    std::size_t most_;
    std::string rest_;
};

// One count for each pair of a row and a column.
class tally {
public:
    tally(std::size_t rows, std::size_t columns) : columns_(columns), counts_(rows * columns) {}

    void add(std::size_t row, std::size_t column) { ++counts_.at(row * columns_ + column); }
    std::uint64_t at(std::size_t row, std::size_t column) const
    {
        return counts_.at(row * columns_ + column);
    }
    std::uint64_t total() const { return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0}); }

private:
    std::size_t columns_;
    std::vector<std::uint64_t> counts_;
};

} // namespace relay::status
