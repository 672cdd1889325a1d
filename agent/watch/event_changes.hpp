// What others changed of one of the agent's tracked events: compares what is seen of its item with what the agent wrote last.
#pragma once

#include "agent/ews/exchange.hpp"
#include "agent/store/tracked_event.hpp"

namespace relay::watch {

// Nothing: all is as it was known. An item that is seen for the first time since an uncertain write of ours is taken as we
// wrote it; its answers are told all the same, as they are nobody's but the attendees'. `item_id`, `elsewhere`: where it
// lies now.
std::optional<store::event_observation> seen_alive(const store::tracked_event& known,
                                                   const ews::item_state& now, const std::string& item_id,
                                                   bool elsewhere);

// The item was deleted, with this mark. What is not known of it is not told.
store::event_observation seen_deleted(const store::tracked_event& known, const std::string& command_id);

// Nothing more is told of it.
store::event_observation let_go(const store::tracked_event& known);

} // namespace relay::watch
