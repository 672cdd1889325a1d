// A copy of the files of a queue, as a backup or a snapshot of the machine makes it.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace relay::simulation {

class queue_copy {
public:
    // Of a queue that nobody writes to at this moment.
    static queue_copy of(const std::filesystem::path& folder);
    // In place of what lies there; of an empty copy nothing is left.
    void put_back(const std::filesystem::path& folder) const;

private:
    std::map<std::string, std::string> files_; // contents by name
};

} // namespace relay::simulation
