// How each operation of PROTOCOL.md is read from a command. Each is defined in the file of its name, with all that it does.
#pragma once

#include "agent/protocol/operation.hpp"

namespace relay::commands {

protocol::operation_ptr read_connection_test(protocol::unread_operation& from);
protocol::operation_ptr read_mailbox_verify(protocol::unread_operation& from);
protocol::operation_ptr read_availability_get(protocol::unread_operation& from);
protocol::operation_ptr read_event_create(protocol::unread_operation& from);
protocol::operation_ptr read_event_update(protocol::unread_operation& from);
protocol::operation_ptr read_event_cancel(protocol::unread_operation& from);
protocol::operation_ptr read_event_get(protocol::unread_operation& from);
protocol::operation_ptr read_availability_watch(protocol::unread_operation& from);
protocol::operation_ptr read_availability_unwatch(protocol::unread_operation& from);
protocol::operation_ptr read_agent_diagnose(protocol::unread_operation& from);

} // namespace relay::commands
