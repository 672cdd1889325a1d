#include "agent/doctor/mailboxes.hpp"

#include "agent/doctor/wording.hpp"
#include "agent/ews/reasons.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay::doctor {
namespace {

using protocol::fault_code;

std::string impersonation_name(const mailbox_address& m)
{
    return "impersonation " + m.str();
}

std::string calendar_name(const mailbox_address& m)
{
    return "calendar " + m.str();
}

std::string account_in_command(const std::string& username)
{
    return username.empty() ? "DOMAIN\\ACCOUNT" : username;
}

std::string rights_advice(const std::string& username)
{
    return fmt::format(
        "The Exchange administrator gives the right, in the Exchange Management Shell: "
        "New-ManagementRoleAssignment -Name \"Workestra Relay\" -Role ApplicationImpersonation -User \"{}\" "
        "(with -CustomRecipientWriteScope for some mailboxes only). It takes effect within minutes.",
        account_in_command(username));
}

std::string scope_advice(const mailbox_address& mailbox, const std::string& username)
{
    return fmt::format(
        "The account can open more than the agent needs: the inbox of {}, too, as the role "
        "ApplicationImpersonation goes with whole mailboxes. The agent reads no mail; to bound what the "
        "account could do, the Exchange administrator limits the role to the mailboxes that need it: "
        "New-ManagementScope -Name Workestra -RecipientRestrictionFilter {{MemberOfGroup -eq 'DN of a "
        "group'}}; Set-ManagementRoleAssignment \"Workestra Relay\" -CustomRecipientWriteScope Workestra "
        "(for \"{}\"). policy.allow_mailboxes bounds the agent itself.",
        mailbox.str(), account_in_command(username));
}

std::string address_advice(const mailbox_address& mailbox)
{
    return fmt::format(
        "Check the address: it has to be the primary SMTP address of a mailbox on these servers. The "
        "Exchange administrator looks with: Get-Mailbox {} | Format-List PrimarySmtpAddress,Database. A "
        "mailbox that was moved to Exchange Online is not reached by this agent.",
        mailbox.str());
}

std::string advice_for(const ews::error& e, const mailbox_address& mailbox, const std::string& username)
{
    switch (e.fault.code) {
    case fault_code::impersonation_denied:
        return rights_advice(username);
    case fault_code::mailbox_not_found:
        return address_advice(mailbox);
    case fault_code::exchange_busy:
        return fmt::format("Exchange throttles: try again in {}. Where that comes often, the Exchange "
                           "administrator gives the service account a throttling policy of its own.",
                           rough(e.back_off));
    case fault_code::auth_failed:
        return "The sign-in worked before and is refused now: see the check of the sign-in.";
    default:
        return "The Exchange administrator looks the error code up in the server's event log, and whether "
               "the mailbox's database is mounted.";
    }
}

} // namespace

task<void> examine_mailbox(progress& p, ews::ews_client& exchange, const mailbox_address& mailbox,
                           std::string username, duration limit)
{
    const auto who = account_in_command(username);
    check acting{impersonation_name(mailbox), true, fmt::format("{} may act for {}", who, mailbox.str()), {}};
    check calendar{calendar_name(mailbox), true, {}, {}};
    p.begin(acting.name);
    const auto opened = co_await exchange.open_calendar(mailbox, limit);
    const bool unknown = opened.has_error() && opened.error().fault.code == fault_code::exchange_error &&
                         !ews::proves_impersonation(opened.error().fault);
    const bool kept_out = opened.has_error() && opened.error().fault.code != fault_code::exchange_error;
    auto inbox = ews::outcome<void>();
    if (!kept_out)
        inbox = co_await exchange.open_inbox(mailbox, limit);
    // An inbox that opens proves it where the calendar's answer does not.
    if (kept_out || (unknown && inbox.has_error())) {
        const auto& e = opened.error();
        acting.ok = false;
        acting.message = fmt::format(
            "{} tried to open the calendar of {}: {}{}", who, mailbox.str(), e.fault.message,
            unknown ? "; that does not tell whether it may act for the mailbox, or whether there is one"
                    : "");
        acting.advice = unknown ? address_advice(mailbox) + " " + rights_advice(username)
                                : advice_for(e, mailbox, username);
        p.end(std::move(acting));
        p.end(not_tried(calendar.name, "the account may not act for the mailbox, or nobody could tell"));
        co_return;
    }
    if (inbox.has_value())
        acting.advice = scope_advice(mailbox, username);
    p.end(std::move(acting));

    calendar.ok = opened.has_value();
    calendar.message = calendar.ok
                           ? fmt::format("the calendar of {} opens{}", opened->display_name,
                                         inbox.has_error() ? "; its inbox does not, and need not" : "")
                           : fmt::format("the calendar of {} does not open: {}", mailbox.str(),
                                         opened.error().fault.message);
    if (!calendar.ok)
        calendar.advice = advice_for(opened.error(), mailbox, username);
    p.end(std::move(calendar));
}

void mailbox_not_tried(progress& p, const mailbox_address& mailbox, std::string_view why)
{
    p.end(not_tried(impersonation_name(mailbox), why));
    p.end(not_tried(calendar_name(mailbox), why));
}

} // namespace relay::doctor
