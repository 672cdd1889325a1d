#include "agent/exchange_access/recipients.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <unordered_set>

namespace relay::exchange_access {
namespace {

using protocol::checked;
using protocol::fault;
using protocol::fault_code;
using kind = ews::recipient::kind;

fault denied(std::string message)
{
    return {fault_code::policy_denied, std::move(message), {}};
}

// What the rule says of the other address of `asked`; nothing if it allows it, or if there is none.
std::optional<fault> denied_by_primary(const mailbox_address& asked, const ews::recipient& who,
                                       const std::function<policy::verdict(const mailbox_address&)>& judge)
{
    if (who.primary.empty())
        return std::nullopt;
    const auto primary = mailbox_address::parse(who.primary);
    if (primary.has_error())
        return denied(
            fmt::format("{} is another name of a mailbox whose primary address cannot be read", asked.str()));
    const auto verdict = judge(*primary);
    if (verdict.allowed)
        return std::nullopt;
    return denied(fmt::format("{} is another name of {}, and {}", asked.str(), primary->str(),
                              verdict.sentence(primary->str())));
}

std::string_view domain_of(const mailbox_address& a)
{
    return std::string_view(a.key()).substr(a.key().find('@') + 1);
}

template <class Range, class Address, class Denied>
std::vector<mailbox_address> strangers_among(const recipients& known, const Range& all, Address address_of,
                                             Denied denies, steady_time now)
{
    std::vector<mailbox_address> found;
    std::unordered_set<std::string_view> keys;
    for (const auto& one : all) {
        const mailbox_address& a = address_of(one);
        if (known.find(a, now) == nullptr && !denies(a) && keys.insert(a.key()).second)
            found.push_back(a);
    }
    return found;
}

} // namespace

const ews::recipient* recipients::find(const mailbox_address& address, steady_time now) const
{
    const auto found = known_.find(address.key());
    return found == known_.end() || found->second.until <= now ? nullptr : &found->second.who;
}

void recipients::learn(const mailbox_address& address, ews::recipient who, steady_time now)
{
    if (known_.size() >= most && !known_.contains(address.key()))
        make_room(now);
    const bool told = who.what == kind::one || who.what == kind::several;
    if (const auto primary = mailbox_address::parse(who.primary); primary.has_value() && *primary == address)
        who.primary.clear();
    known_.insert_or_assign(address.key(), entry{std::move(who), now + (told ? kept : kept_unknown)});
}

// Those whose time is over; else whichever: an address that is asked about again is looked up again.
void recipients::make_room(steady_time now)
{
    if (std::erase_if(known_, [now](const auto& e) { return e.second.until <= now; }) == 0)
        known_.erase(known_.begin());
}

std::vector<mailbox_address> strangers(const policy::policy& policy, const recipients& known,
                                       std::span<const mailbox_address> mailboxes, steady_time now)
{
    if (!policy.bounds_mailboxes())
        return {};
    return strangers_among(
        known, mailboxes, [](const mailbox_address& m) -> const mailbox_address& { return m; },
        [&](const mailbox_address& m) { return !policy.judge_mailbox(m).allowed; }, now);
}

std::vector<mailbox_address> strangers(const policy::policy& policy, const recipients& known,
                                       std::span<const protocol::attendee> invited, steady_time now)
{
    if (!policy.bounds_attendees())
        return {};
    return strangers_among(
        known, invited, [](const protocol::attendee& a) -> const mailbox_address& { return a.email; },
        [&](const mailbox_address& m) { return !policy.judge_attendee(m).allowed; }, now);
}

checked<void> allows_free_busy(const policy::policy& policy, const recipients& known,
                               const mailbox_address& mailbox, steady_time now)
{
    if (auto by_name = policy.allows_mailbox(mailbox); by_name.has_error() || !policy.bounds_mailboxes())
        return by_name;
    const auto* who = known.find(mailbox, now);
    if (who == nullptr) // the rules changed while the question waited
        return fault{
            fault_code::overloaded,
            fmt::format("who {} is has to be looked up first, as policy restricts: ask again", mailbox.str()),
            {}};
    if (who->what == kind::several && policy.refuses_lists())
        return denied(fmt::format("{} is a distribution list or another group of people, and "
                                  "policy.distribution_lists refuses those",
                                  mailbox.str()));
    const bool vouched_for = policy.names_mailbox(mailbox);
    if (who->what == kind::unknown && !vouched_for)
        return fault{
            fault_code::mailbox_not_found,
            fmt::format("Exchange's address book does not show {}, and as policy restricts only those "
                        "are asked about whom it shows, or whom policy.allow_mailboxes names in full",
                        mailbox.str()),
            {}};
    if (who->what == kind::untold && !vouched_for)
        return denied(
            fmt::format("Exchange does not tell the service account who {} is (it needs a mailbox "
                        "for that), and as policy restricts only those are asked about who are known, "
                        "or whom policy.allow_mailboxes names in full",
                        mailbox.str()));
    const std::function<policy::verdict(const mailbox_address&)> judge = [&](const mailbox_address& m) {
        return policy.judge_mailbox(m);
    };
    if (auto why = denied_by_primary(mailbox, *who, judge))
        return *std::move(why);
    return {};
}

checked<void> allows_invited(const policy::policy& policy, const recipients& known,
                             std::span<const protocol::attendee> invited, const mailbox_address& host,
                             steady_time now)
{
    if (auto by_name = policy.allows_attendees(invited); by_name.has_error() || !policy.bounds_attendees())
        return by_name;
    const std::function<policy::verdict(const mailbox_address&)> judge = [&](const mailbox_address& m) {
        return policy.judge_attendee(m);
    };
    for (const auto& a : invited) {
        const auto* who = known.find(a.email, now);
        if (who == nullptr)
            continue;
        // Outsiders are in no address book. Who should be in it, and is not, may be anybody.
        const bool told = who->what == kind::one || who->what == kind::several;
        const bool inside = domain_of(a.email) == domain_of(host) || policy.denies_in(domain_of(a.email));
        if (!told && inside && !policy.names_attendee(a.email))
            return denied(
                fmt::format("Exchange's address book does not show {}, and as policy restricts only "
                            "those of this domain are invited whom it shows, or whom "
                            "policy.allow_attendees names in full",
                            a.email.str()));
        if (auto why = denied_by_primary(a.email, *who, judge))
            return *std::move(why);
    }
    return {};
}

task<ews::outcome<ews::recipient>> look_up_recipient(ews::exchange& exchange, mailbox_address address,
                                                     duration limit)
{
    auto found = co_await exchange.find_recipient(address, limit);
    if (found.has_error() && found.error().retry_action == ews::retry_action::give_up)
        co_return ews::recipient{kind::untold, {}};
    co_return found;
}

} // namespace relay::exchange_access
