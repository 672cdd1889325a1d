#include "common/async/run_alone.hpp"
#include "common/log/line_formatter.hpp"
#include "common/platform/terminal.hpp"
#include "service/commands/commands.hpp"
#include "service/doctor_input.hpp"
#include "service/libraries.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>

namespace relay::service {
namespace {

struct request {
    std::filesystem::path config;
    std::vector<std::string> mailboxes;
    bool json = false;
};

// Shows each check as it runs: on a terminal its name first, which its outcome then takes the place of.
class screen {
public:
    explicit screen(bool rewrites) : rewrites_(rewrites) {}

    void begun(std::string_view name) const
    {
        if (!rewrites_)
            return;
        fmt::print("{:<5} {} …", "", name);
        std::fflush(stdout);
    }

    void ended(const doctor::check& c) const
    {
        fmt::print("{}{:<5} {:<20} {}\n", rewrites_ ? "\r\x1b[K" : "", c.ok ? "ok" : "FAIL",
                   printable(c.name), printable(c.message));
        if (!c.advice.empty())
            fmt::print("{:<5} {}: {}\n", "", c.ok ? "note" : "what to do", printable(c.advice));
        std::fflush(stdout);
    }

private:
    bool rewrites_;
};

void tell_sum(const doctor::report& r, const request& asked)
{
    const auto failed = std::ranges::count(r, false, &doctor::check::ok);
    if (failed == 0)
        fmt::print("all {} checks are well\n", r.size());
    else
        fmt::print("{} of {} checks failed\n", failed, r.size());
    if (asked.mailboxes.empty())
        fmt::print(
            "No mailbox was looked at; to try one: workestra-relay doctor --mailbox host@corp.example\n");
}

int examine(const request& asked)
{
    const libraries initialised;
    auto who = doctor_input_of(asked.config);
    for (const auto& text : asked.mailboxes) {
        auto mailbox = mailbox_address::parse(text);
        if (mailbox.has_error())
            return refuse(fmt::format("--mailbox {}: {}; see doctor --help", text, mailbox.error().message()),
                          exit_usage);
        who.mailboxes.push_back(std::move(*mailbox));
    }
    const screen shown(platform::output_is_terminal());
    doctor::progress::listener listener;
    if (!asked.json)
        listener = {[&](std::string_view name) { shown.begun(name); },
                    [&](const doctor::check& c) { shown.ended(c); }};
    real_time time;
    const auto found = run_alone(doctor::examine(time, std::move(who), std::move(listener)));
    if (asked.json)
        fmt::print("{}\n", boost::json::serialize(doctor::to_json(found)));
    else
        tell_sum(found, asked);
    return doctor::all_well(found) ? 0 : exit_failure;
}

} // namespace

void add_doctor(command_line& line)
{
    const auto asked = std::make_shared<request>();
    auto* command = line.add(
        "doctor", "Check everything that the agent needs, from its configuration to the calendars, and "
                  "tell what to do about what is wrong: exit code 0 all well, 1 something failed");
    command
        ->add_option(
            "--mailbox", asked->mailboxes,
            "A mailbox to try: whether the account may act for it and its calendar opens (may be repeated)")
        ->type_name("ADDRESS")
        ->expected(1)
        ->take_all();
    command->add_flag("--json", asked->json, "As JSON, for scripts");
    line.does(command, [asked](const std::filesystem::path& config) {
        asked->config = config;
        return examine(*asked);
    });
}

} // namespace relay::service
