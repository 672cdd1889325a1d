#include "service/agents_eyes.hpp"

#include "agent/admin/client.hpp"
#include "agent/app/own_environment.hpp"
#include "common/config/load.hpp"
#include "common/platform/run_command.hpp"
#include "common/platform/service_environment.hpp"

namespace relay::service {
namespace {

constexpr milliseconds patience{3'000};
constexpr std::size_t most_unit_bytes = 256 * 1024;

std::optional<platform::variables> of_running_agent(const std::filesystem::path& data_dir)
{
    const auto told =
        admin::ask(admin::socket_in(data_dir), {std::string(app::environment_request), {}}, patience);
    if (told.has_error() || !told->ok)
        return std::nullopt;
    return app::read_environment(told->message);
}

// Nothing where systemd has no unit that starts the agent with `config_file`.
std::optional<platform::variables> of_unit(const std::filesystem::path& config_file)
{
    const auto shown = platform::run_command({"/usr/bin/systemctl", "show", "workestra-relay.service", "-p",
                                              "LoadState,ExecStart,Environment,EnvironmentFiles"},
                                             patience, most_unit_bytes);
    if (shown.has_error())
        return std::nullopt;
    const auto unit = platform::read_unit(*shown);
    const bool by_default = config_file == config::default_config_file();
    if (!unit.known || (!by_default && unit.command.find(config_file.string()) == std::string::npos))
        return std::nullopt;
    return unit.given;
}

} // namespace

std::string see_as_the_agent(const std::filesystem::path& config_file)
{
    const auto read = config::load_what_is_readable(config_file, config::process_environment(),
                                                    config::purpose::enroll, config::file_check::none);
    if (const auto theirs = of_running_agent(read.known.agent.data_dir)) {
        platform::take_over(*theirs);
        return "of the running agent";
    }
    if (const auto theirs = of_unit(config_file)) {
        platform::take_over(*theirs);
        return "of the unit workestra-relay.service, as no agent runs that could be asked";
    }
    return "of this command, as no agent runs that could be asked, and no unit of systemd starts one with "
           "this file";
}

} // namespace relay::service
