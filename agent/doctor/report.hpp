// What `doctor` and agent.diagnose answer: one check after the other, each with what to do where it failed.
#pragma once

#include <boost/json/object.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::doctor {

struct check {
    std::string name; // "certificate"
    bool ok = false;
    std::string message; // what was tried, what came back, what it means
    std::string advice;  // what to do, and who does it; empty where there is nothing
};

using report = std::vector<check>;

// A check that has nothing to go by: `why` ends the sentence, as in "the name look-up failed".
check not_tried(std::string_view name, std::string_view why);

// {"ok","checks":[{"name","ok","message","advice"}]} (INTERFACE.md, "Commands").
boost::json::object to_json(const report& r);
bool all_well(const report& r) noexcept;

// Collects the checks of one examination in their order, and tells of each while it goes on.
class progress {
public:
    // Either may be empty.
    struct listener {
        std::function<void(std::string_view name)> begun;
        std::function<void(const check&)> ended;
    };

    explicit progress(listener l = {}) : listener_(std::move(l)) {}

    // A check that takes its time is begun; others may just end.
    void begin(std::string_view name);
    void end(check c);
    void end(std::vector<check> several);

    const report& so_far() const noexcept { return report_; }

private:
    listener listener_;
    report report_;
};

} // namespace relay::doctor
