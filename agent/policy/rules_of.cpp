#include "agent/policy/rules_of.hpp"

namespace relay::policy {

rules rules_of(const config::policy_settings& s)
{
    return {s.allow_operations,
            s.allow_mailboxes,
            s.deny_mailboxes,
            s.allow_attendees,
            s.deny_attendees,
            s.max_invitations_per_hour,
            s.distribution_lists == config::distribution_lists::allow};
}

} // namespace relay::policy
