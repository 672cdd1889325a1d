#include "service/command_line.hpp"

#include "agent/app/version.hpp"
#include "common/config/settings.hpp"
#include "common/log/line_formatter.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace relay::service {
namespace {

std::string one_line(std::string text)
{
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

// What was not expected, by the names of options alone.
std::string unexpected(const CLI::App& app)
{
    std::string names;
    for (const auto& word : app.remaining(true))
        if (word.starts_with("--") && word.size() > 2)
            names += (names.empty() ? "" : ", ") + word.substr(0, word.find('='));
    return names.empty() ? "an argument too many, or no such command" : "no such option: " + names;
}

std::string usage_mistake(const CLI::App* app, const CLI::Error& e)
{
    // CLI11 quotes what it did not expect, and that may be a token whose option was mistyped.
    const bool quotes = dynamic_cast<const CLI::ExtrasError*>(&e) != nullptr || app->remaining_size(true) > 0;
    return "workestra-relay: " + (quotes ? unexpected(*app) : one_line(e.what())) + "; see " +
           app->get_name() + " --help\n";
}

void version_flag(CLI::App* app)
{
    app->set_version_flag("--version", "workestra-relay " + std::string(app::version()),
                          "Print the version and exit");
}

} // namespace

command_line::command_line()
    : app_("Carries out calendar commands from Workestra's cloud on the Exchange servers of this network.",
           "workestra-relay"),
      config_(config::default_config_file())
{
    version_flag(&app_);
    app_.set_help_flag("-h,--help", "Print this help and exit");
    app_.require_subcommand(1);
    app_.failure_message(usage_mistake);
}

CLI::App* command_line::add(const std::string& name, const std::string& what)
{
    return add(&app_, name, what);
}

CLI::App* command_line::add(CLI::App* group, const std::string& name, const std::string& what)
{
    auto* command = group->add_subcommand(name, what);
    version_flag(command);
    return command;
}

CLI::App* command_line::add_group(const std::string& name, const std::string& what)
{
    auto* group = add(name, what);
    group->require_subcommand(1);
    return group;
}

void command_line::does(CLI::App* command, action a)
{
    command->add_option("--config", config_, "The configuration file")
        ->type_name("FILE")
        ->capture_default_str();
    command->callback([this, a = std::move(a)] { chosen_ = a; });
}

std::optional<int> command_line::parse(int argc, const char* const* argv)
{
    try {
        app_.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app_.exit(e) == 0 ? 0 : exit_usage;
    }
    return std::nullopt;
}

int command_line::carry_out() const
{
    return chosen_(config_);
}

int refuse(std::string_view message, int exit_code)
{
    fmt::print(stderr, "workestra-relay: {}\n", printable(message));
    return exit_code;
}

} // namespace relay::service
