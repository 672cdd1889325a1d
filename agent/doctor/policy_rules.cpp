#include "agent/doctor/policy_rules.hpp"

#include "agent/policy/rules_of.hpp"
#include "common/text/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay::doctor {
namespace {

bool holds_everything(const std::vector<std::string>& patterns)
{
    return std::ranges::any_of(
        patterns, [](const auto& p) { return !trim(p).empty() && trim(p).find_first_not_of('*') == p.npos; });
}

std::string patterns(std::size_t count)
{
    return count == 1 ? std::string("one pattern") : fmt::format("{} patterns", count);
}

// "anybody", "nobody", "those of 3 patterns", "anybody, but for those of 2 patterns"
std::string bounds(const std::vector<std::string>& allow, const std::vector<std::string>& deny,
                   std::string_view all, std::string_view none)
{
    if (allow.empty() || holds_everything(deny))
        return std::string(none);
    auto text = holds_everything(allow) ? std::string(all) : "those of " + patterns(allow.size());
    if (!deny.empty())
        text += ", but for those of " + patterns(deny.size());
    return text;
}

} // namespace

check policy_rules(const config::policy_settings& s, const std::vector<mailbox_address>& mailboxes)
{
    const policy::policy rules(policy::rules_of(s));
    check c{"policy", true, {}, {}};
    const auto most = s.max_invitations_per_hour;
    c.message = fmt::format("the cloud may work with {}; it may invite {}, {}",
                            bounds(s.allow_mailboxes, s.deny_mailboxes, "all mailboxes", "no mailbox"),
                            bounds(s.allow_attendees, s.deny_attendees, "anybody", "nobody"),
                            most == 0 ? std::string("as often as it likes")
                                      : fmt::format("{} an hour for each host", most));
    for (const auto& m : mailboxes)
        if (const auto v = rules.judge_mailbox(m); !v.allowed)
            c.message += fmt::format("; {}, so the agent does nothing there", v.sentence(m.str()));
    const bool all_invited = holds_everything(s.allow_attendees) && s.deny_attendees.empty();
    if (all_invited && most == 0)
        c.advice = "What a cloud that was taken over could send in the hosts' names is bounded by "
                   "policy.allow_attendees, policy.deny_attendees (lists such as all-staff@) and "
                   "policy.max_invitations_per_hour.";
    return c;
}

} // namespace relay::doctor
