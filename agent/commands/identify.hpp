// Finding out who the addresses of a command are, before policy judges them.
#pragma once

#include "agent/commands/command_run.hpp"

namespace relay::commands {

// Looks up whom Exchange was not asked about lately; no request if there is nobody, or if policy needs it of nobody. How the command
// ends instead, or nothing.
task<std::optional<ending>> identify_mailboxes(command_run& run, std::span<const mailbox_address> mailboxes);
task<std::optional<ending>> identify_invited(command_run& run);

} // namespace relay::commands
