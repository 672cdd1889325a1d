// What to write on a calendar item for event.create and event.update: the online meeting link in body and location,
// zones as Windows names, and what an update leaves as it is (meeting_body.hpp has the bodies). Pure functions.
#pragma once

#include "agent/ews/exchange.hpp"

namespace relay::commands {

ews::item_fields fields_for_create(const protocol::event_fields& wanted);

// Fault: invalid_request where the changed times end up the wrong way round.
protocol::checked<ews::item_fields> fields_for_update(const protocol::event_changes& set,
                                                      const ews::item& now);

// True where an update adds attendees or takes some out.
bool changes_who_is_asked(const ews::item_fields& fields, const ews::item& now);

// True where it changes anything else.
bool changes_more_than_attendees(const ews::item_fields& f);

// The item in the protocol's terms: what create and update were given, as far as it still holds.
protocol::event_fields as_given(const ews::item& i);

} // namespace relay::commands
