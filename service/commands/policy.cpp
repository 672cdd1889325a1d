#include "agent/commands/catalog.hpp"
#include "agent/policy/rules_of.hpp"
#include "common/log/line_formatter.hpp"
#include "service/commands/commands.hpp"
#include "service/load_or_tell.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace relay::service {
namespace {

constexpr int exit_denied = 3; // not 1: a configuration that cannot be read is no verdict

struct question {
    std::string op, mailbox, attendee;
    bool json = false;
};

bool invites(std::string_view op)
{
    return op == "event.create" || op == "event.update";
}

std::string known_operations()
{
    std::string names;
    for (const auto& o : commands::catalog().rows())
        names += (names.empty() ? "" : ", ") + std::string(o.name);
    return names;
}

boost::json::object rule_json(const policy::verdict& v)
{
    return {{"key", v.key},
            {"pattern", v.pattern.empty() ? boost::json::value(nullptr) : boost::json::value(v.pattern)},
            {"allows", v.allowed}};
}

// One of the things that are judged: "event.create", "host@corp.example".
struct judged {
    std::string subject;
    policy::verdict verdict;
};

// Of what is denied the first reason, of what is allowed all.
std::string reason(const std::vector<judged>& all)
{
    std::string why;
    for (const auto& j : all) {
        if (!j.verdict.allowed)
            return j.verdict.sentence(j.subject);
        why += (why.empty() ? "" : ", ") + j.verdict.sentence(j.subject);
    }
    return why;
}

boost::json::value or_null(const std::string& text)
{
    return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
}

void tell(const question& asked, const protocol::operation_row& known, const std::vector<judged>& all,
          const policy::policy& rules)
{
    const bool allowed = std::ranges::all_of(all, [](const auto& j) { return j.verdict.allowed; });
    const auto why = reason(all);
    const auto most_invitations = rules.most_invitations();
    if (asked.json) {
        boost::json::array judged_by;
        for (const auto& j : all)
            judged_by.push_back(rule_json(j.verdict));
        boost::json::object answer{{"allowed", allowed},
                                   {"op", asked.op},
                                   {"mailbox", or_null(asked.mailbox)},
                                   {"attendee", or_null(asked.attendee)},
                                   {"message", why},
                                   {"rules", std::move(judged_by)}};
        if (invites(asked.op))
            answer["max_invitations_per_hour"] = most_invitations;
        fmt::print("{}\n", boost::json::serialize(answer));
        return;
    }
    fmt::print("{}: {}\n", allowed ? "allowed" : "denied", printable(why));
    const bool one_of_many =
        all.front().verdict.allowed && known.mailboxes == protocol::operation_mailboxes::several;
    if (!allowed)
        fmt::print("  The cloud is answered policy_denied{}, and Exchange is not asked.\n",
                   one_of_many ? " for this mailbox alone" : "");
    else if (one_of_many && asked.mailbox.empty())
        fmt::print("  Each of its mailboxes is judged on its own: give --mailbox.\n");
    else if (invites(asked.op) && asked.attendee.empty() && rules.bounds_attendees())
        fmt::print("  Each of its attendees is judged, too: give --attendee.\n");
    if (allowed && invites(asked.op) && most_invitations > 0)
        fmt::print(
            "  For each host {} invitations go out within an hour (policy.max_invitations_per_hour).\n",
            most_invitations);
}

std::optional<mailbox_address> address_in(const std::string& text)
{
    auto parsed = mailbox_address::parse(text);
    return parsed.has_value() ? std::optional(*std::move(parsed)) : std::nullopt;
}

int test(const std::filesystem::path& config_file, const question& asked)
{
    const auto* known = commands::catalog().find(asked.op);
    if (!known)
        return refuse(
            fmt::format("--op: this agent has no operation {}; it has {}", asked.op, known_operations()),
            exit_usage);
    for (const auto& [option, text] : {std::pair("--mailbox", asked.mailbox), {"--attendee", asked.attendee}})
        if (!text.empty() && !address_in(text))
            return refuse(fmt::format("{}: {} is no address such as host@corp.example", option, text),
                          exit_usage);
    if (asked.mailbox.empty() && known->mailboxes == protocol::operation_mailboxes::one)
        return refuse(fmt::format("{} acts in a mailbox: say in which, with --mailbox", asked.op),
                      exit_usage);
    if (!asked.attendee.empty() && !invites(asked.op))
        return refuse(fmt::format("--attendee: {} invites nobody", asked.op), exit_usage);
    // Whoever asks need not be allowed to read the agent's secrets, nor does the rest of the configuration matter.
    const auto settings = load_or_tell(config_file, config::purpose::enroll, config::file_check::none);
    if (!settings)
        return exit_failure;
    const policy::policy rules(policy::rules_of(settings->policy));
    std::vector<judged> all{{asked.op, rules.judge_operation(asked.op)}};
    if (!asked.mailbox.empty() && known->mailboxes != protocol::operation_mailboxes::none)
        all.push_back({asked.mailbox, rules.judge_mailbox(*address_in(asked.mailbox))});
    if (!asked.attendee.empty())
        all.push_back({asked.attendee, rules.judge_attendee(*address_in(asked.attendee))});
    tell(asked, *known, all, rules);
    return std::ranges::all_of(all, [](const auto& j) { return j.verdict.allowed; }) ? 0 : exit_denied;
}

} // namespace

void add_policy(command_line& line)
{
    auto* group = line.add_group("policy", "Look at what the configuration lets the cloud do");
    auto* command =
        line.add(group, "test",
                 "Tell whether a command would be carried out, and which rule decides: exit code 0 "
                 "allowed, 3 denied. Reads the configuration only");
    const auto asked = std::make_shared<question>();
    command->add_option("--op", asked->op, "The operation, such as event.create")
        ->type_name("OP")
        ->required();
    command->add_option("--mailbox", asked->mailbox, "The mailbox it is for")->type_name("ADDRESS");
    command->add_option("--attendee", asked->attendee, "Somebody whom it invites")->type_name("ADDRESS");
    command->add_flag("--json", asked->json, "As JSON, for scripts");
    line.does(command, [asked](const auto& config) { return test(config, *asked); });
}

} // namespace relay::service
