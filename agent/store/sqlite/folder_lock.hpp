// One agent a data folder: the lock is held while this lives, and the system drops it when the process dies.
#pragma once

#include "common/error/error.hpp"

#include <filesystem>
#include <utility>

namespace relay::store {

class folder_lock {
public:
    // Locks the file "lock" in `folder`, which is made (for the owner only) where it does not exist. Does not wait.
    // Errors: errc::store_locked where another process holds it, store_read_only, store_full, or the system's code.
    static result<folder_lock> take(const std::filesystem::path& folder);

    folder_lock(folder_lock&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
    folder_lock& operator=(folder_lock&&) = delete;
    ~folder_lock();

private:
    explicit folder_lock(int handle) : handle_(handle) {}
    int handle_;
};

// Makes `file`, readable by the owner only, where it does not exist: SQLite gives its -wal and -shm the same rights.
// Errors: as folder_lock::take().
error_code ensure_private_file(const std::filesystem::path& file);

} // namespace relay::store
