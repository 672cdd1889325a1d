#include "agent/commands/catalog.hpp"

#include "agent/commands/operations.hpp"

#include <array>

namespace relay::commands {
namespace {

using enum protocol::operation_class;
using about = protocol::operation_mailboxes;

constexpr std::array<protocol::operation_row, 10> rows{{
    {"connection.test", read, about::none, read_connection_test},
    {"mailbox.verify", read, about::one, read_mailbox_verify},
    {"availability.get", read, about::several, read_availability_get},
    {"event.create", write, about::one, read_event_create},
    {"event.update", write, about::one, read_event_update},
    {"event.cancel", write, about::one, read_event_cancel},
    {"event.get", read, about::one, read_event_get},
    {"availability.watch", write, about::several, read_availability_watch},
    {"availability.unwatch", write, about::none, read_availability_unwatch},
    {"agent.diagnose", read, about::none, read_agent_diagnose},
}};

constexpr protocol::operation_catalog implemented{rows};

} // namespace

const protocol::operation_catalog& catalog() noexcept
{
    return implemented;
}

} // namespace relay::commands
