// A text that must not be seen: a password. Printing it with fmt (and so with spdlog) shows ***.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>

namespace relay {

// A value. Only reveal() gives the text, so a search for that word finds every place that handles it.
class secret {
public:
    secret() = default;
    explicit secret(std::string text) : text_(std::move(text)) {}

    const std::string& reveal() const noexcept { return text_; }
    bool empty() const noexcept { return text_.empty(); }

    friend bool operator==(const secret&, const secret&) = default;

private:
    std::string text_;
};

} // namespace relay

template <>
struct fmt::formatter<relay::secret> {
    constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
    template <class Context>
    auto format(const relay::secret& s, Context& context) const
    {
        return fmt::format_to(context.out(), "{}", s.empty() ? "" : "***");
    }
};
