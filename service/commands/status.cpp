#include "agent/status/own_agent.hpp"
#include "agent/status/plain_text.hpp"
#include "service/commands/commands.hpp"
#include "service/load_or_tell.hpp"

#include <boost/asio/error.hpp>
#include <fmt/format.h>

#include <memory>

namespace relay::service {
namespace {

constexpr milliseconds patience{5'000};
constexpr int exit_not_connected = 3;
constexpr int exit_not_running = 4;

std::string why_nobody(error_code ec, const std::string& where, const std::filesystem::path& data_dir)
{
    if (ec == errc::not_found)
        return fmt::format(
            "what answers on {} (status.listen) is another agent, not the one that works on {}: "
            "give this one a status.listen of its own, and restart it",
            where, data_dir.string());
    if (ec == errc::protocol_violation)
        return fmt::format("what answers on {} (status.listen) is no Workestra Relay agent; "
                           "give status.listen another port, and reload the agent",
                           where);
    if (ec == boost::asio::error::connection_refused)
        return fmt::format(
            "no agent runs: nobody listens on {} (status.listen); start it with systemctl start "
            "workestra-relay",
            where);
    if (ec == boost::asio::error::timed_out)
        return fmt::format(
            "what listens on {} (status.listen) does not answer; look at the agent's log, and restart "
            "it with systemctl restart workestra-relay",
            where);
    return fmt::format("no agent answers on {} (status.listen): {}; if another program has that port, give "
                       "status.listen another one",
                       where, ec.message());
}

struct request {
    bool as_json = false;
    bool alive = false; // is all that is asked
};

int tell_status(const std::filesystem::path& config_file, const request& asked)
{
    // Whoever asks need not be allowed to read the agent's secrets, nor does the rest of the configuration matter.
    const auto settings = load_or_tell(config_file, config::purpose::enroll, config::file_check::none);
    if (!settings)
        return exit_failure;
    const auto& listen = settings->status.listen;
    if (!listen || listen->port == 0)
        return refuse("the running agent cannot be asked: status.listen names no port; set it, such as "
                      "\"127.0.0.1:9480\", and reload the agent");
    const auto where = fmt::format("{}:{}", listen->address, listen->port);
    const auto answer = status::ask_own_agent(*listen, settings->agent.data_dir, patience);
    if (answer.has_error())
        return refuse(why_nobody(answer.error(), where, settings->agent.data_dir), exit_not_running);
    if (asked.as_json)
        fmt::print("{}{}", answer->page.body, answer->page.body.ends_with('\n') ? "" : "\n");
    else
        fmt::print("{}", status::plain_text(answer->now));
    return asked.alive || answer->now.link.state == "connected" ? 0 : exit_not_connected;
}

} // namespace

void add_status(command_line& line)
{
    auto* command = line.add(
        "status", "Tell how the running agent does: exit code 0 connected, 3 not connected, 4 not running");
    const auto asked = std::make_shared<request>();
    command->add_flag("--json", asked->as_json, "As JSON, for scripts");
    command->add_flag("--alive", asked->alive,
                      "Exit code 0 while the agent works, connected or not: for health checks");
    line.does(command, [asked](const auto& config) { return tell_status(config, *asked); });
}

} // namespace relay::service
