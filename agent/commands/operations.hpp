// What each operation of PROTOCOL.md does with Exchange. Each returns how the command ended, or nothing where it was
// suspended by a shutdown.
#pragma once

#include "agent/commands/command_run.hpp"

namespace relay::commands {

task<ending> run_connection_test(command_run& run);
task<ending> run_mailbox_verify(command_run& run, protocol::mailbox_verify op);
task<ending> run_availability_get(command_run& run, protocol::availability_get op);
task<ending> run_event_get(command_run& run, protocol::event_get op);

// Writes that concern the agent's own store alone.
task<ending> run_availability_watch(command_run& run, protocol::availability_watch op);
task<ending> run_availability_unwatch(command_run& run, protocol::availability_unwatch op);

// Writes. Each looks first: what carries our marks already is not applied again (docs/design.md, "Writes").
task<ending> run_event_create(command_run& run, protocol::event_create op);
task<ending> run_event_update(command_run& run, protocol::event_update op);
task<ending> run_event_cancel(command_run& run, protocol::event_cancel op);

} // namespace relay::commands
