#include "agent/policy/policy.hpp"

#include "common/text/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay::policy {
namespace {

using protocol::checked;
using protocol::fault;
using protocol::fault_code;

constexpr std::string_view operations_key = "policy.allow_operations";

// The first pattern that `text` matches; null where none does.
const std::string* match(const std::vector<std::string>& patterns, std::string_view text)
{
    const auto found = std::find_if(patterns.begin(), patterns.end(),
                                    [&](const auto& p) { return matches_wildcard(p, text); });
    return found == patterns.end() ? nullptr : &*found;
}

fault denied(std::string message)
{
    return {fault_code::policy_denied, std::move(message), {}};
}

bool holds_everything(const std::vector<std::string>& patterns)
{
    return std::ranges::any_of(
        patterns, [](const auto& p) { return !p.empty() && p.find_first_not_of('*') == p.npos; });
}

bool holds_exactly(const std::vector<std::string>& patterns, const std::string& key)
{
    return std::ranges::find(patterns, key) != patterns.end();
}

void lower_all(std::vector<std::string>& texts)
{
    for (auto& t : texts)
        t = ascii_lower(trim(t));
}

} // namespace

policy::policy(rules r) : rules_(std::move(r))
{
    lower_all(rules_.allow_mailboxes);
    lower_all(rules_.deny_mailboxes);
    lower_all(rules_.allow_attendees);
    lower_all(rules_.deny_attendees);
}

std::string verdict::sentence(std::string_view subject) const
{
    if (!pattern.empty())
        return fmt::format("{} matches \"{}\" in {}", subject, pattern, key);
    return fmt::format("{} {} {}", subject, key == operations_key ? "is not in" : "matches nothing in", key);
}

verdict policy::judge_operation(std::string_view op) const
{
    const auto* rule = match(rules_.allow_operations, op);
    return {rule != nullptr, operations_key, rule ? *rule : std::string()};
}

verdict policy::judge_mailbox(const mailbox_address& mailbox) const
{
    if (const auto* rule = match(rules_.deny_mailboxes, mailbox.key()))
        return {false, "policy.deny_mailboxes", *rule};
    const auto* rule = match(rules_.allow_mailboxes, mailbox.key());
    return {rule != nullptr, "policy.allow_mailboxes", rule ? *rule : std::string()};
}

verdict policy::judge_attendee(const mailbox_address& attendee) const
{
    if (const auto* rule = match(rules_.deny_attendees, attendee.key()))
        return {false, "policy.deny_attendees", *rule};
    const auto* rule = match(rules_.allow_attendees, attendee.key());
    return {rule != nullptr, "policy.allow_attendees", rule ? *rule : std::string()};
}

checked<void> policy::allows_operation(std::string_view op) const
{
    if (const auto v = judge_operation(op); !v.allowed)
        return denied(v.sentence(utf8_prefix(op, 64)));
    return {};
}

checked<void> policy::allows_mailbox(const mailbox_address& mailbox) const
{
    if (const auto v = judge_mailbox(mailbox); !v.allowed)
        return denied(v.sentence(mailbox.str()));
    return {};
}

checked<void> policy::allows_attendees(std::span<const protocol::attendee> invited) const
{
    for (const auto& a : invited)
        if (const auto v = judge_attendee(a.email); !v.allowed)
            return denied(v.sentence(a.email.str()));
    return {};
}

checked<void> policy::allows_in(std::string_view op, const mailbox_address& mailbox) const
{
    auto allowed = allows_operation(op);
    return allowed.has_error() ? allowed : allows_mailbox(mailbox);
}

checked<void> policy::allows(std::string_view op, const protocol::operation& operation) const
{
    if (auto verdict = allows_operation(op); !verdict.has_value())
        return verdict;
    if (const auto* mailbox = operation.mailbox())
        if (auto verdict = allows_mailbox(*mailbox); !verdict.has_value())
            return verdict;
    return allows_attendees(operation.invites());
}

bool policy::closed_to_mailboxes() const
{
    return rules_.allow_mailboxes.empty() || holds_everything(rules_.deny_mailboxes);
}

bool policy::bounds_mailboxes() const
{
    return !rules_.deny_mailboxes.empty() || !holds_everything(rules_.allow_mailboxes);
}

bool policy::bounds_attendees() const
{
    return !rules_.deny_attendees.empty() || !holds_everything(rules_.allow_attendees);
}

bool policy::names_mailbox(const mailbox_address& mailbox) const
{
    return holds_exactly(rules_.allow_mailboxes, mailbox.key());
}

bool policy::names_attendee(const mailbox_address& attendee) const
{
    return holds_exactly(rules_.allow_attendees, attendee.key());
}

bool policy::denies_in(std::string_view domain) const
{
    return std::ranges::any_of(rules_.deny_attendees, [&](const std::string& p) {
        const auto at = p.find('@');
        return at != p.npos && std::string_view(p).substr(at + 1) == domain;
    });
}

std::vector<std::string> policy::operations(const protocol::operation_catalog& all) const
{
    const bool no_mailbox = closed_to_mailboxes();
    std::vector<std::string> names;
    for (const auto& op : all.rows()) {
        const bool usable = op.mailboxes == protocol::operation_mailboxes::none || !no_mailbox;
        if (usable && match(rules_.allow_operations, op.name))
            names.emplace_back(op.name);
    }
    return names;
}

std::vector<std::string> policy::idle_rules(const protocol::operation_catalog& all) const
{
    std::vector<std::string> idle;
    for (const auto& rule : rules_.allow_operations)
        if (std::ranges::none_of(all.rows(), [&](const auto& op) { return matches_wildcard(rule, op.name); }))
            idle.push_back(rule);
    return idle;
}

} // namespace relay::policy
