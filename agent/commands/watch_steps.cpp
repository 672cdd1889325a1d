#include "agent/commands/watch_steps.hpp"

namespace relay::commands {

void tell_of_change(command_run& run)
{
    if (run.use().watches_changed)
        run.use().watches_changed();
}

} // namespace relay::commands
