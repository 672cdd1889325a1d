// Why a command failed, in the words of PROTOCOL.md ("Error codes"): what the cloud is told.
#pragma once

#include <boost/system/result.hpp>
#include <boost/throw_exception.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace relay::protocol {

enum class fault_code {
    invalid_request,
    unsupported_operation,
    policy_denied,
    overloaded,
    deadline_exceeded,
    cancelled,
    auth_failed,
    impersonation_denied,
    mailbox_not_found,
    event_not_found,
    conflict,
    exchange_unavailable,
    exchange_busy,
    exchange_unsupported,
    exchange_error,
    result_too_large,
    internal,
};

std::string_view name(fault_code code) noexcept;
bool retryable(fault_code code) noexcept;
// The code that `name` stands for, or nothing.
std::optional<fault_code> parse_fault_code(std::string_view name) noexcept;

struct fault {
    fault_code code = fault_code::internal;
    std::string message;  // one sentence for an administrator; no private content
    std::string exchange; // Exchange's ResponseCode, empty where it said none

    friend bool operator==(const fault&, const fault&) = default;
};

// A value, or the fault that the cloud is told.
template <class T>
using checked = boost::system::result<T, fault>;

// What result::value() throws on a fault: reaching it is a bug in the caller.
[[noreturn]] inline void throw_exception_from_error(const fault& f, const boost::source_location& where)
{
    boost::throw_exception(std::logic_error("unchecked fault: " + f.message), where);
}

} // namespace relay::protocol
