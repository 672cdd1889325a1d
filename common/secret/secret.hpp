// A password or a token in memory: wiped when it goes, and impossible to print or to log by accident.
#pragma once

#include <fmt/core.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace relay {

// A value. The bytes live in one heap block of their own, never in a string's inner buffer, so that a move leaves nothing
// behind. Printing it with fmt (and so with spdlog) shows ***. Only reveal() gives the text, so a search for that word finds
// every place that handles it.
class secret {
public:
    secret() noexcept = default;
    explicit secret(std::string_view text);
    // Takes the text over and wipes the source.
    static secret take(std::string& text);
    secret(secret&& other) noexcept;
    secret& operator=(secret&& other) noexcept;
    secret(const secret& other) : secret(other.reveal()) {}
    secret& operator=(const secret& other);
    ~secret() { wipe(); }

    // Valid while this object lives unchanged; followed by a zero byte. Never log it.
    std::string_view reveal() const noexcept { return {bytes_ ? bytes_.get() : "", size_}; }
    bool empty() const noexcept { return size_ == 0; }

    // Takes the same time wherever two secrets of one length differ.
    friend bool operator==(const secret& a, const secret& b) noexcept { return a.equals(b); }

private:
    bool equals(const secret& other) const noexcept;
    void wipe() noexcept;

    std::unique_ptr<char[]> bytes_;
    std::size_t size_ = 0;
};

// Overwrites the characters of `text` and empties it: for what other libraries made of a secret.
void wipe(std::string& text) noexcept;

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
