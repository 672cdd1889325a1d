// Finding what is in Exchange already, by the marks that PROTOCOL.md defines.
#pragma once

#include "agent/ews/exchange.hpp"
#include "agent/exchange_access/identity.hpp"

#include <functional>
#include <optional>

namespace relay::exchange_access {

// How far a look goes where the one before it found nothing live. Each begins with one request for calendar
// and Deleted Items.
enum class search_scope {
    usual,      // no further, but where it found copies: their original may have been moved
    everywhere, // all folders of the mailbox: people move meetings to other calendars
    certain, // and, where there is nothing at all, once more after the time in which Exchange may not show a
             // new item
};

// One look as far as `far`, which is not search_scope::certain. `limit`: how long the next request may take, nothing if no other may
// begin.
task<ews::outcome<marked_items>> look_up(ews::exchange& exchange,
                                         std::function<std::optional<duration>()> limit,
                                         const mailbox_address& mailbox, const std::string& event_id,
                                         search_scope far);

// `e`, to be tried again from the look-up where the item that was found is not there any more: it moved, or
// was deleted.
ews::error retry_if_moved(ews::error e);

} // namespace relay::exchange_access
