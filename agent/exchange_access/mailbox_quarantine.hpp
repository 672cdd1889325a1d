// Mailboxes that held up or failed a free/busy request about several, lately: each is asked about alone for a while, so that
// the others do not wait for it again.
#pragma once

#include "common/text/mailbox_address.hpp"
#include "common/time/time_source.hpp"

#include <string>
#include <unordered_map>

namespace relay::exchange_access {

// Loop thread only.
class mailbox_quarantine {
public:
    static constexpr duration lasts = std::chrono::minutes(15);
    static constexpr std::size_t most = 10'000; // past it nobody is added

    void add(const mailbox_address& mailbox, steady_time now)
    {
        if (until_.size() >= most)
            std::erase_if(until_, [&](const auto& entry) { return entry.second <= now; });
        if (until_.size() < most)
            until_[mailbox.key()] = now + lasts;
    }
    // It was answered in time.
    void release(const mailbox_address& mailbox) { until_.erase(mailbox.key()); }
    bool holds(const mailbox_address& mailbox, steady_time now) const
    {
        const auto found = until_.find(mailbox.key());
        return found != until_.end() && found->second > now;
    }

private:
    std::unordered_map<std::string, steady_time> until_;
};

} // namespace relay::exchange_access
