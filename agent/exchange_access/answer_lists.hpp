// What Exchange answered, as PROTOCOL.md writes it: the lists that results and the messages of a watch have in common.
#pragma once

#include "agent/ews/exchange.hpp"

#include <boost/json/array.hpp>

namespace relay::exchange_access {

namespace json = boost::json;

// The list under `busy`; `periods` are joined already.
json::array busy_list(const std::vector<ews::busy_period>& periods);
// The list under `responses`.
json::array response_list(const std::vector<ews::attendee_answer>& answers);

} // namespace relay::exchange_access
