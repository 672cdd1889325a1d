// What `doctor` and agent.diagnose answer: one check after the other, each with what to do where it failed.
#pragma once

#include <boost/json/object.hpp>

#include <string>
#include <vector>

namespace relay::doctor {

struct check {
    std::string name; // "certificate"
    bool ok = false;
    std::string message; // what was found
    std::string advice;  // what to do, and who does it; empty where all is well
};

using report = std::vector<check>;

// {"ok","checks":[{"name","ok","message","advice"}]} (INTERFACE.md, "Commands").
boost::json::object to_json(const report& r);

} // namespace relay::doctor
