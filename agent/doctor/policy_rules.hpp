// What `[policy]` makes of the cloud's wishes, in a sentence: no mistake, but what an administrator should know.
#pragma once

#include "agent/doctor/report.hpp"
#include "common/config/settings.hpp"
#include "common/text/mailbox_address.hpp"

#include <vector>

namespace relay::doctor {

// Always well. `mailboxes`: those that are examined; one that policy denies is named.
check policy_rules(const config::policy_settings& s, const std::vector<mailbox_address>& mailboxes);

} // namespace relay::doctor
