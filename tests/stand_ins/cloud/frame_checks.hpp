// What PROTOCOL.md says about one frame of the agent by itself, without what went before.
#pragma once

#include "tests/stand_ins/cloud/shape.hpp"

namespace relay::cloud_sim {

// `certificate_name`: the common name of the client certificate.
void check_hello(const json::object& frame, std::string_view certificate_name, findings& found);
void check_accepted(const json::object& frame, findings& found);
// Everything but `output`, which depends on the operation: output_checks.hpp.
void check_result(const json::object& frame, findings& found);
void check_event(const json::object& frame, findings& found);
void check_problem(const json::object& frame, findings& found);
void check_goodbye(const json::object& frame, findings& found);

// An error object of a result or of one mailbox: a known code, a message, the right `retryable`.
void check_error(shape error);
// Busy periods: UTC, known statuses, sorted, merged, inside [from, to] (milliseconds since 1970) where those are given.
void check_busy(const json::array& busy, shape owner, std::optional<std::int64_t> from,
                std::optional<std::int64_t> to);
void check_responses(const json::array& responses, shape owner);

} // namespace relay::cloud_sim
