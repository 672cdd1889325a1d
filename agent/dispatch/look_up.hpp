// Finding what is in Exchange already, by the marks that PROTOCOL.md defines.
#pragma once

#include "agent/dispatch/command_run.hpp"

namespace relay::dispatch {

struct marked_items {
    std::vector<ews::found_item> live;
    std::vector<ews::found_item> deleted;

    // The item that the command `id` was the last to change, or null.
    const ews::found_item* changed_by(const std::string& id) const;
};

// All items of the event, live and in Deleted Items. One request to Exchange.
task<ews::outcome<marked_items>> look_up(command_run& run, const mailbox_address& mailbox, const std::string& event_id);

// `e`, to be tried again from the look-up where the item that was found is not there any more: it moved, or was deleted.
ews::error retry_if_moved(ews::error e);

protocol::fault event_not_found();
// Two live items with one mark: somebody copied the meeting, and neither can be told to be the right one.
protocol::fault copied_by_hand();

} // namespace relay::dispatch
