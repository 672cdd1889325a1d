// What is wrong now and what to do about it: one place for the command, the page and the readiness answer.
#pragma once

#include "agent/status/snapshot.hpp"

#include <optional>
#include <string>
#include <vector>

namespace relay::status {

struct finding {
    enum class level { warning, error }; // mends itself · a human must act
    level how_bad = level::warning;
    std::string what;   // one sentence
    std::string advice; // what to do, and who does it
};

// The worst first; empty where all is well.
std::vector<finding> findings(const snapshot& s);

// Why commands cannot be carried out now; nothing while connected and Exchange answers.
std::optional<std::string> not_ready(const snapshot& s);

std::string_view name(finding::level l) noexcept; // "warning", "error"

} // namespace relay::status
