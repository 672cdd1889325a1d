// What a person sees of the demo: headings, facts and verdicts, with colours and a spinner where it is a terminal and
// plain lines where it is not.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <string_view>

namespace relay::demo {

class narrator {
public:
    // `terminal`: whether standard output is one.
    explicit narrator(bool terminal) : terminal_(terminal) {}

    void heading(std::string_view text);
    void says(std::string_view text);  // what happens, in words
    void shows(std::string_view text); // something looked at, set off from the words

    // Runs `work` under a line that says what it waits for; its return value, how long it took is shown.
    std::string during(std::string_view what, const std::function<std::string()>& work);

    // A fact that must hold: shown either way, counted where it does not.
    void expect(bool holds, std::string_view fact);

    bool terminal() const noexcept { return terminal_; }
    int failures() const noexcept { return failures_; }

private:
    std::string painted(std::string_view colour, std::string_view text) const;

    bool terminal_;
    int failures_ = 0;
    int chapters_ = 0;
};

} // namespace relay::demo
