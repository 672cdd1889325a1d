// workestra-relay: makes the process ready and hands over to the command that was asked for.
#include "common/platform/process.hpp"
#include "common/platform/process_signals.hpp"
#include "service/command_line.hpp"
#include "service/commands/commands.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <exception>

int main(int argc, char** argv)
{
    using namespace relay;
    try {
        platform::hold_reload_signal(); // `run` takes it over once it can reload
        if (const auto ec = platform::harden_process())
            fmt::print(stderr, "workestra-relay: core files could not be turned off: {}\n", ec.message());
        service::command_line line;
        service::add_all(line);
        const auto ended = line.parse(argc, argv);
        service::cover_token(argc, argv);
        if (!line.app().got_subcommand("run"))
            platform::release_reload_signal();
        return ended ? *ended : line.carry_out();
    } catch (const std::exception& e) {
        fmt::print(stderr, "workestra-relay: {}\n", e.what());
        return service::exit_failure;
    }
}
