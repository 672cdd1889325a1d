#include "service/cli.hpp"

#include "agent/app/version.hpp"
#include "common/config/settings.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string>

namespace relay::service {
namespace {

std::string one_line(std::string text)
{
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

std::string usage_mistake(const CLI::App* app, const CLI::Error& e)
{
    return "workestra-relay: " + one_line(e.what()) + "; see " + app->get_name() + " --help\n";
}

// Every level answers --help and --version.
CLI::App* command(CLI::App& parent, const std::string& name, const std::string& what)
{
    auto* app = parent.add_subcommand(name, what);
    app->set_version_flag("--version", "workestra-relay " + std::string(app::version()),
                          "Print the version and exit");
    return app;
}

void config_option(CLI::App* app, std::filesystem::path& file)
{
    app->add_option("--config", file, "The configuration file")->type_name("FILE")->capture_default_str();
}

} // namespace

invocation parse_command_line(int argc, const char* const* argv)
{
    std::filesystem::path config = config::default_config_file();

    CLI::App app(
        "Carries out calendar commands from Workestra's cloud on the Exchange servers of this network.",
        "workestra-relay");
    app.set_version_flag("--version", "workestra-relay " + std::string(app::version()),
                         "Print the version and exit");
    app.set_help_flag("-h,--help", "Print this help and exit");
    app.require_subcommand(1);
    app.failure_message(usage_mistake);

    auto* run =
        command(app, "run",
                "Run the agent in the foreground until SIGTERM or Ctrl-C; SIGHUP reloads the configuration");
    config_option(run, config);
    auto* status =
        command(app, "status",
                "Tell how the running agent does: exit code 0 connected, 3 not connected, 4 not running");
    config_option(status, config);
    bool as_json = false;
    status->add_flag("--json", as_json, "As JSON, for scripts");
    auto* configuration = command(app, "config", "Look at the configuration");
    configuration->require_subcommand(1);
    auto* check =
        command(*configuration, "check", "Tell every mistake in the configuration, with line and key");
    config_option(check, config);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return answered{app.exit(e) == 0 ? 0 : exit_usage};
    }
    if (run->parsed())
        return run_agent{config};
    if (status->parsed())
        return ask_status{config, as_json};
    return check_config{config};
}

} // namespace relay::service
