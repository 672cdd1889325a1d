// A .tar.gz in memory: ustar (POSIX.1-1988) inside gzip. Enough for a few text files, and what every tar opens.
#pragma once

#include "common/time/time_source.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace relay::support {

class tar_gz {
public:
    // `made`: the time that every file in it carries.
    explicit tar_gz(utc_time made);
    ~tar_gz();
    tar_gz(const tar_gz&) = delete;
    tar_gz& operator=(const tar_gz&) = delete;

    // A file, readable by its owner alone. `name`: relative, with / between folders, at most 100 bytes: std::length_error
    // where it is longer.
    void add(std::string_view name, std::string_view content);
    // The archive. Once, after everything was added.
    std::string finish();

private:
    struct stream;

    void write(std::string_view bytes);

    utc_time made_;
    std::unique_ptr<stream> stream_;
};

} // namespace relay::support
