// Who addresses are: an alias, or a list that somebody is on, must not lead round what policy says of a mailbox. So an address is
// judged by its mailbox's primary address as well, as Exchange's address book has it.
#pragma once

#include "agent/ews/exchange.hpp"
#include "agent/policy/policy.hpp"

#include <span>
#include <unordered_map>

namespace relay::exchange_access {

// What the address book said lately. A value; decides only.
class recipients {
public:
    static constexpr std::size_t most = 30'000;
    static constexpr duration kept = std::chrono::hours(24);
    static constexpr duration kept_unknown = std::chrono::minutes(10); // a new mailbox is to be usable soon

    // Null if nobody has looked, or too long ago.
    const ews::recipient* find(const mailbox_address& address, steady_time now) const;
    void learn(const mailbox_address& address, ews::recipient who, steady_time now);
    void forget() { known_.clear(); }

private:
    struct entry {
        ews::recipient who; // `primary` is empty if it is the address itself
        steady_time until;
    };
    void make_room(steady_time now);

    std::unordered_map<std::string, entry> known_; // by key
};

// ---- whom to look up before policy can judge: each once, without those that it forbids by name ----
std::vector<mailbox_address> strangers(const policy::policy& policy, const recipients& known,
                                       std::span<const mailbox_address> mailboxes, steady_time now);
std::vector<mailbox_address> strangers(const policy::policy& policy, const recipients& known,
                                       std::span<const protocol::attendee> invited, steady_time now);

// ---- what policy says, by name and by who it is ----
// Whether the free/busy time of `mailbox` may be asked for. Faults: policy_denied; mailbox_not_found if the address book does not
// show it; overloaded if it is a stranger.
protocol::checked<void> allows_free_busy(const policy::policy& policy, const recipients& known,
                                         const mailbox_address& mailbox, steady_time now);
// Whether all may be invited by `host`. Strangers pass by their names: see strangers().
protocol::checked<void> allows_invited(const policy::policy& policy, const recipients& known,
                                       std::span<const protocol::attendee> invited,
                                       const mailbox_address& host, steady_time now);

// Looks one address up. What Exchange does not tell of this one, for good, is no error: who it is stays untold.
task<ews::outcome<ews::recipient>> look_up_recipient(ews::exchange& exchange, mailbox_address address,
                                                     duration limit);

} // namespace relay::exchange_access
