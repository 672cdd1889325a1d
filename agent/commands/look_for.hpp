// Finding what is in Exchange already, for a command: looking until there is an answer, and knowing when nothing found
// means that there is nothing.
#pragma once

#include "agent/commands/command_run.hpp"
#include "agent/exchange_access/look_up.hpp"

namespace relay::commands {

using exchange_access::marked_items;
using exchange_access::retry_if_moved;
using exchange_access::search_scope;
using exchange_access::trace;

// Looks until there is an answer: what is there, or how the command ended meanwhile. Goes as far as
// `unsettled` while an earlier try may still take effect, and then as far as `settled`; a write that may be a repeat is
// then looked for with certainty. `uid`: the one item
// whose trace in Deleted Items is as good as a live one for search_scope::certain; empty: any.
task<boost::system::result<marked_items, ending>> look_for(command_run& run, const mailbox_address& mailbox,
                                                           const std::string& event_id,
                                                           search_scope unsettled, search_scope settled,
                                                           std::string_view uid = {});

// One look as far as `far`, which is not search_scope::certain.
task<ews::outcome<marked_items>> look_up(command_run& run, const mailbox_address& mailbox,
                                         const std::string& event_id, search_scope far);

// `items`: what was found in place of it.
protocol::fault event_not_found(const marked_items& items);
// What could not be searched, for a result that says that nothing was found; nothing where everything was.
std::optional<protocol::fault> not_searched(const marked_items& items);
// Several live items, and none can be told to be the right one.
protocol::fault copied_by_hand();
// What the host made a series is more than what was booked: it is changed by nothing.
protocol::fault made_a_series();

} // namespace relay::commands
