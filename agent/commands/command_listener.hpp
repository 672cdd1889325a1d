// What the rest of the agent hears of commands.
#pragma once

#include "agent/protocol/ended_command.hpp"
#include "agent/store/tracked_event.hpp"
#include "common/text/mailbox_address.hpp"

#include <optional>

namespace relay::commands {

// Called on the loop thread; must not wait. By default nobody listens.
class command_listener {
public:
    virtual ~command_listener() = default;

    // Before the answer is given: whoever counts has counted what the cloud hears of.
    virtual void command_ended(const protocol::ended_command& /*c*/) {}
    // The store holds other watches now.
    virtual void watches_changed() {}
    // A stored write about an event of `host` has ended, its result is in the store, and so is what it means for the event's
    // item (nothing: no more than before).
    virtual void event_settled(const mailbox_address& /*host*/,
                               const std::optional<store::event_write>& /*w*/)
    {
    }
};

} // namespace relay::commands
