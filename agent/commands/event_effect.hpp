// What the end of a write means for the item of its event, as the store keeps it beside the result.
#pragma once

#include "agent/commands/command_run.hpp"

#include <optional>

namespace relay::commands {

// Nothing where it means nothing: the write concerned no event, or failed and had changed nothing.
std::optional<store::event_write> effect_of(const store::ticket& t, const reply& end);

} // namespace relay::commands
