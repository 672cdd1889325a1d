// What the customer lets the cloud do: rules on operations, on mailboxes and on who is invited, which nothing the cloud sends
// can lift.
#pragma once

#include "agent/protocol/operation.hpp"
#include "common/text/mailbox_address.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace relay::policy {

struct rules {
    std::vector<std::string> allow_operations{"*"}; // '*' as wildcard; empty: nothing is allowed
    std::vector<std::string> allow_mailboxes{"*"};  // compared without case; empty: none
    std::vector<std::string> deny_mailboxes{};      // deny wins over allow
    std::vector<std::string> allow_attendees{"*"};  // who may be invited; as allow_mailboxes
    std::vector<std::string> deny_attendees{};
    std::int64_t most_invitations = 0; // within an hour from each host; 0: no limit
    bool allow_lists = false; // free/busy of several people at once, if the rules on mailboxes restrict
};

// What was decided, and by which rule.
struct verdict {
    bool allowed = false;
    std::string_view key; // of the configuration: "policy.deny_mailboxes"
    std::string pattern;  // its entry that decided; empty: it has none that matches

    // "ceo@corp.example matches "ceo@*" in policy.deny_mailboxes"
    std::string sentence(std::string_view subject) const;
};

// A value, made anew when the configuration is read again. Each check is a walk over the rules; any thread.
class policy {
public:
    explicit policy(rules r);

    verdict judge_operation(std::string_view op) const;
    verdict judge_mailbox(const mailbox_address& mailbox) const;
    verdict judge_attendee(const mailbox_address& attendee) const;

    // The same. Faults: policy_denied, whose message names the rule that decided.
    protocol::checked<void> allows_operation(std::string_view op) const;
    protocol::checked<void> allows_mailbox(const mailbox_address& mailbox) const;
    // The first of them who may not be invited is named.
    protocol::checked<void> allows_attendees(std::span<const protocol::attendee> invited) const;
    // Operation and mailbox: what the agent does by itself in a mailbox is forbidden like the command that would tell the same.
    protocol::checked<void> allows_in(std::string_view op, const mailbox_address& mailbox) const;

    // The operation, its mailbox where it names one, and whom it invites. availability.get and availability.watch pass
    // whatever their mailboxes are: there a denied one fails alone (see allows_mailbox).
    protocol::checked<void> allows(std::string_view op, const protocol::operation& operation) const;

    // Whether the rules tell mailboxes, or attendees, apart: then it matters who an address is.
    bool bounds_mailboxes() const;
    bool bounds_attendees() const;
    // Whether an entry is that very address: the customer vouches for it.
    bool names_mailbox(const mailbox_address& mailbox) const;
    bool names_attendee(const mailbox_address& attendee) const;
    // Whether an entry of deny_attendees is of this domain (in lower case), and no other.
    bool denies_in(std::string_view domain) const;
    bool refuses_lists() const noexcept { return !rules_.allow_lists; }

    // How many invitations may go out within an hour from each host; 0: no limit.
    std::int64_t most_invitations() const noexcept { return rules_.most_invitations; }

    // What hello lists: the operations of `all` that policy does not forbid altogether.
    std::vector<std::string> operations(const protocol::operation_catalog& all) const;

    // Entries of allow_operations that match none of `all`: most likely typing errors.
    std::vector<std::string> idle_rules(const protocol::operation_catalog& all) const;

private:
    bool closed_to_mailboxes() const;

    rules rules_; // patterns of mailboxes in lower case
};

} // namespace relay::policy
