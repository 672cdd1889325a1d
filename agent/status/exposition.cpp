#include "agent/status/exposition.hpp"

#include <fmt/format.h>

#include <iterator>

namespace relay::status {
namespace {

void append_escaped(std::string& out, std::string_view text)
{
    for (const char c : text) {
        if (c == '\\' || c == '"')
            out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
}

} // namespace

void exposition::begin(std::string_view name, std::string_view type, std::string_view help)
{
    name_ = name;
    fmt::format_to(std::back_inserter(text_), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

void exposition::sample(labels l, double value)
{
    line("", l, "", value);
}

void exposition::histogram(labels l, const latency& h)
{
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < latency::bounds.size(); ++i) {
        below += h.buckets()[i];
        line("_bucket", l, fmt::format("{}", latency::bounds[i]), static_cast<double>(below));
    }
    line("_bucket", l, "+Inf", static_cast<double>(h.count()));
    line("_sum", l, "", h.sum_seconds());
    line("_count", l, "", static_cast<double>(h.count()));
}

void exposition::line(std::string_view suffix, labels l, std::string_view bound, double value)
{
    text_ += name_;
    text_ += suffix;
    char before = '{';
    const auto label = [&](std::string_view name, std::string_view text) {
        text_ += std::exchange(before, ',');
        text_ += name;
        text_ += "=\"";
        append_escaped(text_, text);
        text_ += '"';
    };
    for (const auto& [name, text] : l)
        label(name, text);
    if (!bound.empty())
        label("le", bound);
    if (before == ',')
        text_ += '}';
    // Counts are whole: past 2^53 none of them gets.
    fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

} // namespace relay::status
