#include "agent/commands/watch_steps.hpp"

namespace relay::commands {

std::string watch_key(const std::string& watch_id)
{
    return "watch:" + watch_id;
}

void tell_of_change(command_run& run)
{
    run.use().listener.watches_changed();
}

} // namespace relay::commands
