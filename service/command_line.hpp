// The command line: each command of INTERFACE.md ("Commands") adds itself to it (commands/commands.hpp).
#pragma once

#include <CLI/App.hpp>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace relay::service {

inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;

class command_line {
public:
    // What a command does; returns the exit code.
    using action = std::function<int(const std::filesystem::path& config_file)>;

    command_line();

    // A command; every level answers --help and --version.
    CLI::App* add(const std::string& name, const std::string& what);
    // What `command` does where it is the one that was asked for; gives it --config.
    void does(CLI::App* command, action a);
    // A group of commands, such as `config`, does nothing itself, and a command in it.
    CLI::App* add_group(const std::string& name, const std::string& what);
    CLI::App* add(CLI::App* group, const std::string& name, const std::string& what);

    // Prints help and version on standard output, a mistake in one line on standard error: then the exit code, and nothing
    // is left to do but to end.
    std::optional<int> parse(int argc, const char* const* argv);
    // Carries out what was asked for. After parse(). Throws what the command throws.
    int carry_out() const;

    const CLI::App& app() const noexcept { return app_; }

private:
    CLI::App app_;
    std::filesystem::path config_;
    action chosen_;
};

// One line on standard error, and the exit code.
int refuse(std::string_view message, int exit_code = exit_failure);

} // namespace relay::service
