// Who may read the files that hold secrets.
#pragma once

#include <filesystem>
#include <string>

namespace relay::config {

// What is wrong with who may read `file`: "can be read by others than its owner (mode 0644); chmod 0600 it". Empty where
// nothing is, and where the file is not there (its reader says so) or cannot be looked at. Symbolic links are followed.
// On Windows always empty: there the folder's access list protects the file. Blocking file access; any thread.
std::string secret_file_mistake(const std::filesystem::path& file);

// The decision behind it, for a regular file with these permission bits. `kept_by_systemd`: the file lies in a
// credentials folder, which only the service's user can enter.
std::string secret_mode_mistake(unsigned mode, bool kept_by_systemd);

// Whether this process is refused `file` or the way to it, which tells nothing of whether it is there. On Windows false.
bool closed_to_us(const std::filesystem::path& file);

} // namespace relay::config
