// What is wrong with settings taken together: needed keys that are missing, and values that do not go with
// each other.
#pragma once

#include "common/config/load.hpp"
#include "common/config/reader.hpp"

namespace relay::config {

// Where each key that was set stands.
using places = std::map<std::string_view, place>;

void check_together(const settings& s, const places& set, purpose what, mistakes& wrong);
// The files that keys name: whether they are there, and who may read the secret ones. Blocking file access.
void check_files(const settings& s, const places& set, purpose what, mistakes& wrong);

// The mistake of `key`, at the place where it was set.
mistake mistake_at(const places& set, std::string_view key, std::string message);

} // namespace relay::config
