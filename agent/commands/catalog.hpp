// The operations that this agent implements.
#pragma once

#include "agent/protocol/operation.hpp"

namespace relay::commands {

// What it reads is a runnable (operation.hpp).
const protocol::operation_catalog& catalog() noexcept;

} // namespace relay::commands
