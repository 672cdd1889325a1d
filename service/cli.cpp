#include "service/cli.hpp"

#include "agent/app/version.hpp"
#include "common/config/settings.hpp"
#include "service/enroll_command.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string>
#include <string_view>

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
    const bool quotes = dynamic_cast<const CLI::ExtrasError*>(&e) != nullptr;
    return "workestra-relay: " + (quotes ? unexpected(*app) : one_line(e.what())) + "; see " +
           app->get_name() + " --help\n";
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

CLI::App* add_enroll(CLI::App& parent, enroll_agent& asked, std::string& token)
{
    auto* app = command(parent, "enroll",
                        "Enrol this machine with the cloud: a key is made here, the cloud signs its "
                        "certificate, and both are written where the configuration says");
    app->add_option("--url", asked.url, "Where the cloud enrols agents, https://…")
        ->type_name("URL")
        ->required();
    app->add_option("--token", token,
                    "The one-time token; - reads it from standard input, and without this option it is taken "
                    "from the environment (" +
                        std::string(token_variable) + "): other users of this machine can see a command line")
        ->type_name("TOKEN");
    app->add_flag("--force", asked.force, "Enrol again where there is a certificate already, and replace it");
    app->add_flag("--json", asked.json, "Print the outcome as a JSON object");
    return app;
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
    enroll_agent asked;
    std::string token;
    auto* enroll = add_enroll(app, asked, token);
    config_option(enroll, config);
    auto* status =
        command(app, "status",
                "Tell how the running agent does: exit code 0 connected, 3 not connected, 4 not running");
    bool as_json = false;
    status->add_flag("--json", as_json, "As JSON, for scripts");
    config_option(status, config);
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
    if (enroll->parsed()) {
        asked.config = config;
        asked.token = secret(std::move(token));
        return asked;
    }
    if (status->parsed())
        return ask_status{config, as_json};
    return check_config{config};
}

void cover_token(int argc, char** argv)
{
    constexpr std::string_view option = "--token";
    const auto cover = [](char* text) {
        while (*text != '\0')
            *text++ = '*';
    };
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == option && i + 1 < argc && std::string_view(argv[i + 1]) != "-")
            cover(argv[++i]);
        else if (word.starts_with(option) && word.substr(option.size()).starts_with('='))
            cover(argv[i] + option.size() + 1);
    }
}

} // namespace relay::service
