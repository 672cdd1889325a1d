// A folder of a test's own, gone with it (kept where RELAY_KEEP is set, to look at).
#pragma once

#include <filesystem>

namespace relay::test {

class temporary_folder {
public:
    // In `within`, or where the machine keeps such things.
    explicit temporary_folder(const std::filesystem::path& within = std::filesystem::temp_directory_path());
    ~temporary_folder();
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

} // namespace relay::test
