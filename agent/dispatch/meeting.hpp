// What to write on a calendar item for event.create and event.update: the online meeting link in body and location,
// zones as Windows names, and what an update leaves as it is. Pure functions.
#pragma once

#include "agent/ews/exchange.hpp"

namespace relay::dispatch {

// `body` with the link block for `url`: the block alone, as HTML, where there is no body.
protocol::event_body with_link(const std::optional<protocol::event_body>& body, const std::string& url);
// `body` without the link block and, for HTML, without the document that Exchange puts around a fragment; nothing where
// only the block was there.
std::optional<protocol::event_body> without_link(protocol::event_body body);

ews::item_fields fields_for_create(const protocol::event_fields& wanted);

// Fault: invalid_request where the changed times end up the wrong way round.
protocol::checked<ews::item_fields> fields_for_update(const protocol::event_changes& set,
                                                      const ews::item& now);

// The item in the protocol's terms: what create and update were given, as far as it still holds.
protocol::event_fields as_given(const ews::item& i);

// calendar:UID of the item that `command_id` creates: repeatable, so that a repeated try writes the same one.
std::string uid_for(const std::string& event_id, const std::string& command_id);

} // namespace relay::dispatch
