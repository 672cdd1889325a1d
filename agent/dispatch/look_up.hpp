// Finding what is in Exchange already, by the marks that PROTOCOL.md defines, and knowing when nothing found
// means that there is nothing.
#pragma once

#include "agent/dispatch/command_run.hpp"
#include "agent/dispatch/identity.hpp"

namespace relay::dispatch {

// How far a look goes where the one before it found nothing live. Each begins with one request for calendar
// and Deleted Items.
enum class reach {
    usual,      // no further, but where it found copies: their original may have been moved
    everywhere, // all folders of the mailbox: people move meetings to other calendars
    certain, // and, where there is nothing at all, once more after the time in which Exchange may not show a
             // new item
};

// Looks until there is an answer: what is there, or how the command ended meanwhile. Goes as far as
// `unsettled` while an earlier try may still take effect, and then as far as `settled`; a write that may be a repeat is
// then looked for with certainty. `uid`: the one item
// whose trace in Deleted Items is as good as a live one for reach::certain; empty: any.
task<boost::system::result<marked_items, ending>> look_for(command_run& run, const mailbox_address& mailbox,
                                                           const std::string& event_id, reach unsettled,
                                                           reach settled, std::string_view uid = {});

// One look as far as `far`, which is not reach::certain.
task<ews::outcome<marked_items>> look_up(command_run& run, const mailbox_address& mailbox,
                                         const std::string& event_id, reach far);

// The same for what is no command. `limit`: how long the next request may take, nothing where no other may begin.
task<ews::outcome<marked_items>> look_up(ews::exchange& exchange,
                                         std::function<std::optional<duration>()> limit,
                                         const mailbox_address& mailbox, const std::string& event_id,
                                         reach far);

// `e`, to be tried again from the look-up where the item that was found is not there any more: it moved, or
// was deleted.
ews::error retry_if_moved(ews::error e);

protocol::fault event_not_found();
// Several live items, and none can be told to be the right one.
protocol::fault copied_by_hand();
// What the host made a series is more than what was booked: it is changed by nothing.
protocol::fault made_a_series();

} // namespace relay::dispatch
