// Writes the Prometheus text format, version 0.0.4.
#pragma once

#include "agent/status/measures.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace relay::status {

// All samples of one family follow its begin().
class exposition {
public:
    static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";
    using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

    // `type`: "counter", "gauge", "histogram".
    void begin(std::string_view name, std::string_view type, std::string_view help);
    void sample(labels l, double value);
    void sample(double value) { sample({}, value); }
    // A whole histogram, with at most one label of its own.
    void histogram(labels l, const latency& h);

    const std::string& text() const noexcept { return text_; }

private:
    void line(std::string_view suffix, labels l, std::string_view bound, double value);

    std::string text_;
    std::string name_; // of the family
};

} // namespace relay::status
