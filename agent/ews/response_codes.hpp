// What each of Exchange's ResponseCodes means for us: one verdict a code, one consequence a verdict.
#pragma once

#include "agent/ews/exchange.hpp"

#include <span>
#include <string_view>

namespace relay::ews {

enum class verdict {
    unknown,          // not in our list
    our_mistake,      // the form of the request
    bad_value,        // a value in the command
    bad_recipient,    // an attendee's address
    too_much,         // over one of Exchange's limits
    not_impersonated, // no right to act for the mailbox
    no_mailbox,
    not_primary, // the address is an alias
    sign_in_expired,
    not_allowed,        // rights or settings, found before anything was done
    out_of_quota,       // may be found after saving, before sending
    other_organisation, // free/busy of a mailbox elsewhere, which Exchange could not ask for
    misconfigured,      // the account or the server
    other_server,       // the mailbox lives on another generation of servers
    server_too_old,
    wrong_state, // the item does not allow it
    damaged,     // a folder or an item
    item_deleted,
    item_gone,
    changed_meanwhile,
    half_done, // saving or sending broke off
    throttled,
    overloaded, // throttled, or short of something, as a whole
    transient,
    lost_subscription,
};

struct consequence {
    protocol::fault_code code;
    ews::retry_action retry_action;
    ews::effect write_effect;  // of a write that got this answer, if the code is one that is raised late
    std::string_view sentence; // what it means, for an administrator
};

// When in the course of a write Exchange raises a code. Saving and sending are two steps: what belongs to sending, or what
// nobody knows, may be told of an item that is saved.
enum class raised {
    early, // before the store is touched: proof that nothing happened
    late,
};

struct coded_verdict {
    std::string_view code;
    ews::verdict verdict;
    ews::raised raised;
};

// An unknown code is raised late.
coded_verdict find_code(std::string_view response_code) noexcept;

verdict verdict_of(std::string_view response_code) noexcept;
const consequence& consequence_of(verdict v) noexcept;
// All codes we know, sorted.
std::span<const coded_verdict> known_codes() noexcept;

} // namespace relay::ews
