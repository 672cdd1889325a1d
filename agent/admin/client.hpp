// Asks the running agent over its socket: for commands that are processes of their own.
#pragma once

#include "agent/admin/messages.hpp"
#include "common/time/time_source.hpp"

namespace relay::admin {

// Blocks, at most for `limit`; any thread. Errors: errc::not_found where no agent listens on `socket` (no file, or one that
// an agent left which was killed), asio::error::timed_out, errc::protocol_violation, or the system's (such as no right to).
result<answer> ask(const std::filesystem::path& socket, const request& r, milliseconds limit);

} // namespace relay::admin
