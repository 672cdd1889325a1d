#include "agent/protocol/fault.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace relay::protocol {
namespace {

struct row {
    fault_code code;
    std::string_view name;
    bool retryable;
};

// PROTOCOL.md, "Error codes", in its order, which is the order of the enumeration.
constexpr std::array<row, 17> rows{{
    {fault_code::invalid_request, "invalid_request", false},
    {fault_code::unsupported_operation, "unsupported_operation", false},
    {fault_code::policy_denied, "policy_denied", false},
    {fault_code::overloaded, "overloaded", true},
    {fault_code::deadline_exceeded, "deadline_exceeded", true},
    {fault_code::cancelled, "cancelled", false},
    {fault_code::auth_failed, "auth_failed", true},
    {fault_code::impersonation_denied, "impersonation_denied", false},
    {fault_code::mailbox_not_found, "mailbox_not_found", false},
    {fault_code::event_not_found, "event_not_found", false},
    {fault_code::conflict, "conflict", false},
    {fault_code::exchange_unavailable, "exchange_unavailable", true},
    {fault_code::exchange_busy, "exchange_busy", true},
    {fault_code::exchange_unsupported, "exchange_unsupported", false},
    {fault_code::exchange_error, "exchange_error", false},
    {fault_code::result_too_large, "result_too_large", false},
    {fault_code::internal, "internal", true},
}};

constexpr bool in_order()
{
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (static_cast<std::size_t>(rows[i].code) != i)
            return false;
    return true;
}
static_assert(in_order() && static_cast<std::size_t>(fault_code::internal) + 1 == rows.size());

} // namespace

std::string_view name(fault_code code) noexcept
{
    return rows[static_cast<std::size_t>(code)].name;
}

bool retryable(fault_code code) noexcept
{
    return rows[static_cast<std::size_t>(code)].retryable;
}

std::optional<fault_code> parse_fault_code(std::string_view name) noexcept
{
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const row& r) { return r.name == name; });
    if (found == rows.end())
        return std::nullopt;
    return found->code;
}

} // namespace relay::protocol
