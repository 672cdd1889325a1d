// `doctor` and `support-bundle` look at what the agent meets, and that depends on variables that only the service may have.
#pragma once

#include <filesystem>
#include <string>

namespace relay::service {

// Gives this process the variables of the agent that runs by `config_file`; where none does, those of the unit that starts it.
// Whose they are now, as the end of a sentence: "of the running agent". Blocks for a few seconds at most; while no other
// thread runs.
std::string see_as_the_agent(const std::filesystem::path& config_file);

} // namespace relay::service
