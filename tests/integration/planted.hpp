// Finds a secret in what a program wrote, in every guise that it could have slipped out in.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace relay::test {

// What a secret can look like: as it is, base64 at each of three alignments, percent-encoded, as a string of JSON or XML,
// UTF-16 of both byte orders, hexadecimal. `text` is UTF-8; too short ones would be found by chance.
std::vector<std::string> guises(std::string_view text);

// Names of the secrets that show in `text`, with the guise; empty where none does.
std::vector<std::string> found_in(std::string_view text, const std::map<std::string, std::string>& secrets);

// Everything in the regular files below `folder`, by path.
std::map<std::string, std::string> files_below(const std::filesystem::path& folder);

} // namespace relay::test
