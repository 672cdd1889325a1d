#include "tests/demo/narrator.hpp"

#include <chrono>
#include <cstdio>

namespace relay::demo {
namespace {

constexpr std::string_view bold = "1", green = "32", red = "1;31", cyan = "36", faint = "2";

void line(std::string_view text)
{
    fmt::print("{}\n", text);
    std::fflush(stdout);
}

} // namespace

std::string narrator::painted(std::string_view colour, std::string_view text) const
{
    return terminal_ ? fmt::format("\x1b[{}m{}\x1b[0m", colour, text) : std::string(text);
}

void narrator::heading(std::string_view text)
{
    line("");
    line(painted(bold, fmt::format("{}. {}", ++chapters_, text)));
}

void narrator::says(std::string_view text)
{
    line(fmt::format("   {}", text));
}

void narrator::shows(std::string_view text)
{
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        line(fmt::format("     {}", painted(cyan, text.substr(0, end))));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

std::string narrator::during(std::string_view what, const std::function<std::string()>& work)
{
    if (terminal_) {
        fmt::print("   {}", painted(faint, fmt::format("… {}", what)));
        std::fflush(stdout);
    }
    const auto start = std::chrono::steady_clock::now();
    auto outcome = work();
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    if (terminal_)
        fmt::print("\r\x1b[K");
    line(fmt::format("   {}: {} {}", what, outcome, painted(faint, fmt::format("({} ms)", took.count()))));
    return outcome;
}

void narrator::expect(bool holds, std::string_view fact)
{
    if (!holds)
        ++failures_;
    line(fmt::format("   {} {}", holds ? painted(green, "ok  ") : painted(red, "FAIL"), fact));
}

} // namespace relay::demo
