#include "common/platform/service_environment.hpp"

#include "common/text/text.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <utility>
#include <vector>

namespace relay::platform {
namespace {

constexpr std::array<std::string_view, 13> names{"HTTPS_PROXY",
                                                 "https_proxy",
                                                 "NO_PROXY",
                                                 "no_proxy",
                                                 "ALL_PROXY",
                                                 "all_proxy",
                                                 "KRB5CCNAME",
                                                 "KRB5_CONFIG",
                                                 "KRB5_KTNAME",
                                                 "KRB5_CLIENT_KTNAME",
                                                 "SSL_CERT_FILE",
                                                 "SSL_CERT_DIR",
                                                 "CREDENTIALS_DIRECTORY"};

void add(variables& to, std::string_view assignment)
{
    const auto equals = assignment.find('=');
    if (equals == assignment.npos)
        return;
    const auto name = trim(assignment.substr(0, equals));
    if (changes_the_agent(name))
        to.insert_or_assign(std::string(name), std::string(assignment.substr(equals + 1)));
}

// As systemd writes words in one line: parted by blanks, in quotes where they hold any, a backslash before either.
std::vector<std::string> words_of(std::string_view line)
{
    std::vector<std::string> words;
    std::string word;
    char quote = 0;
    bool begun = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
            word += line[++i];
            begun = true;
        } else if (quote != 0 ? c == quote : c == '"' || c == '\'') {
            quote = quote != 0 ? 0 : c;
            begun = true;
        } else if (quote == 0 && c == ' ') {
            if (begun)
                words.push_back(std::exchange(word, {}));
            begun = false;
        } else {
            word += c;
            begun = true;
        }
    }
    if (begun)
        words.push_back(word);
    return words;
}

// "/etc/default/relay (ignore_errors=yes)": systemd.exec(5), EnvironmentFile=.
void add_file(variables& to, std::string_view shown)
{
    std::ifstream file(std::string(shown.substr(0, shown.rfind(" ("))));
    for (std::string line; std::getline(file, line);) {
        const auto text = trim(line);
        const auto equals = text.find('=');
        if (text.empty() || text.front() == '#' || text.front() == ';' || equals == text.npos)
            continue;
        const auto value = words_of(trim(text.substr(equals + 1)));
        std::string joined;
        for (const auto& word : value)
            joined += (joined.empty() ? "" : " ") + word;
        add(to, std::string(text.substr(0, equals + 1)) + joined);
    }
}

} // namespace

bool changes_the_agent(std::string_view name)
{
    return name.starts_with("WORKESTRA_RELAY_") || std::ranges::find(names, name) != names.end();
}

variables own_variables()
{
    variables found;
    for (char** entry = ::environ; entry && *entry; ++entry)
        add(found, *entry);
    return found;
}

void take_over(const variables& theirs)
{
    for (const auto& [name, value] : own_variables())
        if (!theirs.contains(name))
            ::unsetenv(name.c_str());
    for (const auto& [name, value] : theirs)
        if (changes_the_agent(name))
            ::setenv(name.c_str(), value.c_str(), 1);
}

unit_facts read_unit(std::string_view shown)
{
    unit_facts unit;
    variables from_files; // which win
    while (!shown.empty()) {
        const auto end = std::min(shown.find('\n'), shown.size());
        const auto line = shown.substr(0, end);
        shown.remove_prefix(std::min(end + 1, shown.size()));
        const auto equals = std::min(line.find('='), line.size());
        const auto key = line.substr(0, equals);
        const auto value = line.substr(std::min(equals + 1, line.size()));
        if (key == "LoadState")
            unit.known = value == "loaded";
        else if (key == "ExecStart")
            unit.command = value;
        else if (key == "Environment")
            for (const auto& word : words_of(value))
                add(unit.given, word);
        else if (key == "EnvironmentFiles")
            add_file(from_files, value);
    }
    for (auto& [name, value] : from_files)
        unit.given.insert_or_assign(name, std::move(value));
    return unit;
}

} // namespace relay::platform
