#include "agent/app/store_refusal.hpp"
#include "agent/app/version.hpp"
#include "common/log/line_formatter.hpp"
#include "common/log/logger.hpp"
#include "common/log_event/log_event.hpp"
#include "common/platform/private_files.hpp"
#include "common/platform/write_confinement.hpp"
#include "service/commands/commands.hpp"
#include "service/folders_written_to.hpp"
#include "service/host.hpp"
#include "service/libraries.hpp"
#include "service/load_or_tell.hpp"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>
#include <spdlog/logger.h>

#include <cstdio>

namespace relay::service {
namespace {

// Mistakes go to the log, where whoever sent the signal will look.
std::optional<config::settings> reread(const std::filesystem::path& file, spdlog::logger& log)
{
    auto loaded = config::load(file, config::process_environment());
    if (loaded.has_value())
        return std::move(*loaded);
    for (const auto& mistake : loaded.error())
        log.error("{}", config::format(mistake, file));
    return std::nullopt;
}

// For good, and before there are threads: what attacks the agent through an answer finds nothing to write but its own folders.
std::optional<platform::write_confinement> confine(const config::settings& s)
{
    // Else it would be made too late to be named.
    static_cast<void>(platform::make_private_folder(s.agent.data_dir));
    const auto confined = platform::write_only_in(folders_written_to(s));
    if (confined.has_value())
        return *confined;
    refuse(fmt::format("cannot give up writing elsewhere (Landlock): {}", confined.error().message()));
    return std::nullopt;
}

void tell(spdlog::logger& log, bool log_is_stderr, std::string_view message)
{
    if (!log_is_stderr)
        log.error("{}", message);
    fmt::print(stderr, "workestra-relay: {}\n", printable(message));
}

int run_in_foreground(const std::filesystem::path& config_file)
{
    const libraries initialised;
    auto settings = load_or_tell(config_file);
    if (!settings)
        return exit_failure;
    if (const auto no = app::refusal_to_root(settings->agent.data_dir); !no.empty())
        return refuse(no);
    const auto confined = confine(*settings);
    if (!confined)
        return exit_failure;
    const auto drain_timeout = settings->agent.drain_timeout;
    const bool log_is_stderr = settings->log.file.empty();
    const auto log = make_logger(settings->log);

    asio::io_context loop(1);
    auto agent = app::agent::make(loop, std::move(*settings), log);
    if (agent.has_error()) {
        tell(*log, log_is_stderr, agent.error().message);
        return exit_failure;
    }
    event::started.info(*log, "workestra-relay {} started", app::version());
    if (*confined == platform::write_confinement::unknown_to_kernel)
        log->info("this kernel has no Landlock: what the agent may write is up to its user and its unit");

    host host(
        loop.get_executor(), **agent, [&] { return reread(config_file, *log); }, drain_timeout, *log);
    std::exception_ptr failure;
    asio::co_spawn(loop, host.run(), [&](std::exception_ptr e) { failure = e; });
    loop.run();
    if (!failure) {
        event::stopped.info(*log, "stopped");
        return 0;
    }
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& e) {
        tell(*log, log_is_stderr, e.what());
    }
    return exit_failure;
}

} // namespace

void add_run(command_line& line)
{
    line.does(
        line.add("run",
                 "Run the agent in the foreground until SIGTERM or Ctrl-C; SIGHUP reloads the configuration"),
        run_in_foreground);
}

} // namespace relay::service
