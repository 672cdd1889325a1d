// The environment that a service runs in is not that of the shell it is looked at from. What of it changes what the agent
// does can be told, and taken over by a command that has to see the same.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace relay::platform {

using variables = std::map<std::string, std::string, std::less<>>;

// The configuration's own, proxies, Kerberos and trust.
bool changes_the_agent(std::string_view name);

// Of this process, those that do.
variables own_variables();
// Gives this process these of them and no others. While no other thread runs.
void take_over(const variables& theirs);

// What `systemctl show -p LoadState -p ExecStart -p Environment -p EnvironmentFiles` says of a unit.
struct unit_facts {
    bool known = false;
    std::string command; // as it prints it
    variables given;     // by Environment= and the files it names: of those that change the agent
};
unit_facts read_unit(std::string_view shown);

} // namespace relay::platform
