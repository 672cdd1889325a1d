// `service`: systemd runs the service here, so each command says which call of systemctl does the same.
#include "service/commands/commands.hpp"

#include <fmt/format.h>

namespace relay::service {
namespace {

// Nothing was started or stopped: a script that takes the exit code for an answer must not go on.
int tell(std::string_view call)
{
    return refuse(fmt::format(
        "not done, as systemd runs the service on this machine; run: systemctl {} workestra-relay", call));
}

} // namespace

void add_service(command_line& line)
{
    struct same {
        const char* name;
        const char* call;
        const char* what;
    };
    constexpr same commands[] = {
        {"install", "enable --now", "Start the service, and with every boot"},
        {"uninstall", "disable --now", "Stop the service, and start it with no boot"},
        {"start", "start", "Start the service"},
        {"stop", "stop", "Stop the service when what is under way is done"},
        {"status", "status", "Tell whether the service runs"},
    };
    auto* group = line.add_group(
        "service", "Control the Windows service; on Linux each says which call of systemctl does the same");
    for (const auto& c : commands)
        line.does(line.add(group, c.name, c.what), [call = c.call](const auto&) { return tell(call); });
}

} // namespace relay::service
