#include "agent/policy/policy.hpp"
#include "agent/commands/catalog.hpp"
#include "common/log/line_formatter.hpp"
#include "service/commands/commands.hpp"
#include "service/load_or_tell.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <memory>
#include <optional>

namespace relay::service {
namespace {

constexpr int exit_denied = 3; // not 1: a configuration that cannot be read is no verdict

struct question {
    std::string op, mailbox;
    bool json = false;
};

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

void tell(const question& asked, const protocol::operation_row& known,
          const std::optional<mailbox_address>& mailbox, const policy::verdict& operation,
          const std::optional<policy::verdict>& of_mailbox)
{
    const bool allowed = operation.allowed && (!of_mailbox || of_mailbox->allowed);
    auto why = operation.sentence(asked.op);
    if (operation.allowed && of_mailbox)
        why = of_mailbox->allowed ? why + ", " + of_mailbox->sentence(mailbox->str())
                                  : of_mailbox->sentence(mailbox->str());
    if (asked.json) {
        boost::json::array rules{rule_json(operation)};
        if (of_mailbox)
            rules.push_back(rule_json(*of_mailbox));
        fmt::print("{}\n", boost::json::serialize(
                               boost::json::object{{"allowed", allowed},
                                                   {"op", asked.op},
                                                   {"mailbox", mailbox ? boost::json::value(mailbox->str())
                                                                       : boost::json::value(nullptr)},
                                                   {"message", why},
                                                   {"rules", std::move(rules)}}));
        return;
    }
    fmt::print("{}: {}\n", allowed ? "allowed" : "denied", printable(why));
    const bool one_of_many = operation.allowed && known.mailboxes == protocol::operation_mailboxes::several;
    if (!allowed)
        fmt::print("  The cloud is answered policy_denied{}, and Exchange is not asked.\n",
                   one_of_many ? " for this mailbox alone" : "");
    else if (one_of_many && !of_mailbox)
        fmt::print("  Each of its mailboxes is judged on its own: give --mailbox.\n");
}

int test(const std::filesystem::path& config_file, const question& asked)
{
    const auto* known = commands::catalog().find(asked.op);
    if (!known)
        return refuse(
            fmt::format("--op: this agent has no operation {}; it has {}", asked.op, known_operations()),
            exit_usage);
    std::optional<mailbox_address> mailbox;
    if (!asked.mailbox.empty()) {
        auto parsed = mailbox_address::parse(asked.mailbox);
        if (parsed.has_error())
            return refuse(fmt::format("--mailbox: {} is no address such as host@corp.example", asked.mailbox),
                          exit_usage);
        mailbox = *std::move(parsed);
    } else if (known->mailboxes == protocol::operation_mailboxes::one) {
        return refuse(fmt::format("{} acts in a mailbox: say in which, with --mailbox", asked.op),
                      exit_usage);
    }
    // Whoever asks need not be allowed to read the agent's secrets, nor does the rest of the configuration matter.
    const auto settings = load_or_tell(config_file, config::purpose::enroll, config::file_check::none);
    if (!settings)
        return exit_failure;
    const auto& p = settings->policy;
    const policy::policy rules({p.allow_operations, p.allow_mailboxes, p.deny_mailboxes});
    const auto operation = rules.judge_operation(asked.op);
    std::optional<policy::verdict> of_mailbox;
    if (mailbox && known->mailboxes != protocol::operation_mailboxes::none)
        of_mailbox = rules.judge_mailbox(*mailbox);
    tell(asked, *known, mailbox, operation, of_mailbox);
    return operation.allowed && (!of_mailbox || of_mailbox->allowed) ? 0 : exit_denied;
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
    command->add_flag("--json", asked->json, "As JSON, for scripts");
    line.does(command, [asked](const auto& config) { return test(config, *asked); });
}

} // namespace relay::service
