// From the text of a configuration file, or of one variable, to raw values with the lines they stand on.
#pragma once

#include "common/config/keys.hpp"
#include "common/config/load.hpp"

#include <map>
#include <optional>

namespace relay::config {

// Where a value came from, for what is said about it.
struct place {
    origin from = origin::file;
    int line = 0;
    std::string variable; // its name, where it came from the environment
};

// A value found for a known key.
struct found_value {
    const key_rule* rule;
    raw_value value;
    place where;
};

// The known keys of `toml`, also with values of a wrong kind; everything else in it is a mistake. Nothing at
// all after a syntax error.
std::optional<std::vector<found_value>> read_toml(std::string_view toml, mistakes& wrong);

// The known keys among `variables`; a variable that begins as ours do and is none of them is a mistake.
std::vector<found_value> read_environment(const environment& variables, mistakes& wrong);

} // namespace relay::config
