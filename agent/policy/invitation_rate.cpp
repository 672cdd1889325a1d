#include "agent/policy/invitation_rate.hpp"

#include "common/time/rfc3339.hpp"

#include <fmt/format.h>

#include <numeric>

namespace relay::policy {
namespace {

using protocol::checked;
using protocol::fault;
using protocol::fault_code;

constexpr duration gathered = std::chrono::minutes(1);

} // namespace

checked<void> invitation_rate::take(const mailbox_address& host, std::int64_t count, std::int64_t most,
                                    steady_time now, utc_time utc_now)
{
    constexpr std::string_view key = "policy.max_invitations_per_hour";
    if (count == 0 || most == 0)
        return {};
    if (count > most)
        return fault{fault_code::policy_denied,
                     fmt::format("it would send {} invitations for {}, and {} allows {} within an hour: it "
                                 "cannot go out as it is",
                                 count, host.str(), key, most),
                     {}};
    forget(now);
    if (!hosts_.contains(host.key()) && hosts_.size() >= most_hosts)
        return fault{
            fault_code::overloaded,
            fmt::format("invitations of {} hosts are counted for {}, and there is no room for another",
                        most_hosts, key),
            {}};
    auto& sent = hosts_[host.key()];
    while (!sent.empty() && sent.front().at + span <= now)
        sent.pop_front();
    const auto so_far = std::accumulate(sent.begin(), sent.end(), std::int64_t{0},
                                        [](auto sum, const minute& m) { return sum + m.count; });
    auto freed = so_far;
    for (const auto& m : sent) { // the oldest first: once it is forgotten there is room for as many
        if (freed + count <= most)
            break;
        freed -= m.count;
        if (freed + count > most)
            continue;
        const auto wait = std::chrono::ceil<std::chrono::seconds>(m.at + span - now);
        return fault{
            fault_code::policy_denied,
            fmt::format("{} invitations went out for {} within an hour, {} more would be over {} = {}; "
                        "it may come again at {}",
                        so_far, host.str(), count, key, most,
                        format_rfc3339(std::chrono::ceil<std::chrono::seconds>(utc_now) + wait)),
            {}};
    }
    if (sent.empty() || sent.back().at + gathered <= now)
        sent.push_back({now, count});
    else
        sent.back().count += count;
    return {};
}

// Once a minute, so that a host costs nothing once its hour is over.
void invitation_rate::forget(steady_time now)
{
    if (forgotten_at_ != steady_time::min() && now < forgotten_at_ + gathered)
        return;
    forgotten_at_ = now;
    std::erase_if(hosts_,
                  [&](const auto& h) { return h.second.empty() || h.second.back().at + span <= now; });
}

} // namespace relay::policy
