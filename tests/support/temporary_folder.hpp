// A folder of a test's own, gone with it (kept where RELAY_KEEP is set, to look at).
#pragma once

#include <filesystem>

namespace relay::test {

class temporary_folder {
public:
    temporary_folder();
    ~temporary_folder();
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

} // namespace relay::test
