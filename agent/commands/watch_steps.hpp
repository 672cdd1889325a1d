// What the two writes that tell the agent whom to watch have in common. Both are a step in the store alone; a repeat of either
// after a crash finds what it did before.
#pragma once

#include "agent/commands/command_run.hpp"

#include <algorithm>
#include <string>

namespace relay::commands {

// How many watches of the store meet `condition`.
template <class Condition>
task<result<std::ptrdiff_t>> count(command_run& run, Condition condition)
{
    const auto all = co_await run.use().store.watches();
    if (all.has_error())
        co_return all.error();
    co_return std::ranges::count_if(*all, condition);
}

// What the commands for one watch have as their ordering key.
std::string watch_key(const std::string& watch_id);

void tell_of_change(command_run& run);

} // namespace relay::commands
