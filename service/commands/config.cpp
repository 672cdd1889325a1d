#include "service/commands/commands.hpp"
#include "service/load_or_tell.hpp"

#include <fmt/format.h>

namespace relay::service {
namespace {

int check(const std::filesystem::path& file)
{
    if (!load_or_tell(file))
        return exit_failure;
    fmt::print("{}: no mistakes\n", file.string());
    return 0;
}

} // namespace

void add_config(command_line& line)
{
    auto* group = line.add_group("config", "Look at the configuration");
    line.does(line.add(group, "check", "Tell every mistake in the configuration, with line and key"), check);
}

} // namespace relay::service
