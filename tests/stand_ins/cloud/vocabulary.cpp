#include "tests/stand_ins/cloud/vocabulary.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace relay::cloud_sim {
namespace {

using namespace std::string_view_literals;

constexpr std::array operations{
    std::pair{"connection.test"sv, op_class::read},
    std::pair{"mailbox.verify"sv, op_class::read},
    std::pair{"availability.get"sv, op_class::read},
    std::pair{"event.create"sv, op_class::write},
    std::pair{"event.update"sv, op_class::write},
    std::pair{"event.cancel"sv, op_class::write},
    std::pair{"event.get"sv, op_class::read},
    std::pair{"availability.watch"sv, op_class::write},
    std::pair{"availability.unwatch"sv, op_class::write},
    std::pair{"agent.diagnose"sv, op_class::read},
};

constexpr std::array error_codes{
    std::pair{"invalid_request"sv, false},   std::pair{"unsupported_operation"sv, false},
    std::pair{"policy_denied"sv, false},     std::pair{"overloaded"sv, true},
    std::pair{"deadline_exceeded"sv, true},  std::pair{"cancelled"sv, false},
    std::pair{"auth_failed"sv, true},        std::pair{"impersonation_denied"sv, false},
    std::pair{"mailbox_not_found"sv, false}, std::pair{"event_not_found"sv, false},
    std::pair{"conflict"sv, false},          std::pair{"exchange_unavailable"sv, true},
    std::pair{"exchange_busy"sv, true},      std::pair{"exchange_unsupported"sv, false},
    std::pair{"exchange_error"sv, false},    std::pair{"result_too_large"sv, false},
    std::pair{"internal"sv, true},
};

} // namespace

op_class class_of(std::string_view op) noexcept
{
    for (const auto& [name, kind] : operations)
        if (name == op)
            return kind;
    return op_class::unknown;
}

std::optional<bool> retryable(std::string_view code) noexcept
{
    for (const auto& [name, again] : error_codes)
        if (name == code)
            return again;
    return std::nullopt;
}

bool refuses_before_storing(std::string_view code) noexcept
{
    return code == "overloaded" || code == "invalid_request" || code == "unsupported_operation" ||
           code == "policy_denied";
}

bool is_id(std::string_view text, std::size_t longest) noexcept
{
    const auto allowed = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '_' || c == ':' || c == '-';
    };
    return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), allowed);
}

} // namespace relay::cloud_sim
