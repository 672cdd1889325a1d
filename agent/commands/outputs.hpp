// The `output` objects of PROTOCOL.md, one function an operation.
#pragma once

#include "agent/ews/exchange.hpp"

#include <boost/json/object.hpp>

namespace relay::commands {

namespace json = boost::json;

json::object output_of_connection_test(const ews::server_info& server, milliseconds latency);
json::object output_of_mailbox_verify(const mailbox_address& mailbox, const ews::mailbox_info& info);
// `busy` holds one entry a mailbox, joined already.
json::object output_of_availability(const std::vector<mailbox_address>& mailboxes,
                                    const std::vector<ews::mailbox_busy>& busy);
json::object output_of_watch(const protocol::availability_watch& op);
json::object output_of_unwatch(bool existed);
json::object output_of_write(const std::string& event_id, const ews::item_ref& ref, const std::string& uid);
json::object output_of_cancel(const std::string& event_id, bool existed);
// Beside the output of a write that Exchange refused although it had carried it out.
json::object warning_of(const protocol::fault& answered);
json::object output_of_get(const std::string& event_id, const protocol::event_fields& fields,
                           const std::vector<ews::attendee_answer>& answers);

} // namespace relay::commands
