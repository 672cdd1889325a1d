// Checks of one mailbox: whether the service account may act for it, whether its calendar opens, and what opens too that
// the agent does not need.
#pragma once

#include "agent/doctor/report.hpp"
#include "agent/ews/ews_client.hpp"

namespace relay::doctor {

// `username`: of the service account, for the advice. Tells `p` of two checks.
task<void> examine_mailbox(progress& p, ews::ews_client& exchange, const mailbox_address& mailbox,
                           std::string username, duration limit);
void mailbox_not_tried(progress& p, const mailbox_address& mailbox, std::string_view why);

} // namespace relay::doctor
