// How many invitations went out for each host lately: a cloud that was taken over must not mail a company by the thousand.
#pragma once

#include "agent/protocol/fault.hpp"
#include "common/text/mailbox_address.hpp"
#include "common/time/time_source.hpp"

#include <deque>
#include <map>
#include <string>

namespace relay::policy {

// A value; decides only. Knows of this life of the agent.
class invitation_rate {
public:
    static constexpr duration span = std::chrono::hours(1);
    static constexpr std::size_t most_hosts = 20'000; // within an hour

    // Whether `count` more may go out for `host` if `most` may within an hour: then they count. Fault: policy_denied, whose
    // message says when they may.
    protocol::checked<void> take(const mailbox_address& host, std::int64_t count, std::int64_t most,
                                 steady_time now, utc_time utc_now);

private:
    // Those of a minute, counted from its first one.
    struct minute {
        steady_time at;
        std::int64_t count;
    };
    using recent = std::deque<minute>;

    void forget(steady_time now);

    std::map<std::string, recent> hosts_; // by key
    steady_time forgotten_at_ = steady_time::min();
};

} // namespace relay::policy
