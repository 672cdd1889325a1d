// Man pages and shell completions, made from the commands as they stand: what --help says is their only source.
#pragma once

#include <CLI/App.hpp>

#include <string>
#include <vector>

namespace relay::service {

struct generated_file {
    std::string name; // "workestra-relay-enroll.1"
    std::string text;
};

// The commands below `app`, without groups and without what is inside them.
std::vector<const CLI::App*> commands_of(const CLI::App& app);
// The options of `app`, and what names one: "--config", else "-h".
std::vector<const CLI::Option*> options_of(const CLI::App& app);
std::string name_of(const CLI::Option& option);
bool takes_value(const CLI::Option& option);
// "workestra-relay queue list".
std::string full_name(const CLI::App& app);

// One page for the program and one for each command (a group has one with all of its commands). `configuration` is the example
// configuration with its comments, which is page 5.
std::vector<generated_file> man_pages(const CLI::App& app, const std::string& version,
                                      const std::string& configuration);
generated_file bash_completion(const CLI::App& app);
generated_file zsh_completion(const CLI::App& app);

} // namespace relay::service
