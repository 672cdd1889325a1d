// Files that must not be half there or in the wrong hands: written beside their place, synced, moved into it.
#pragma once

#include "common/error/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace relay::platform {

enum class readable_by {
    owner, // mode 0600 from the first moment on
    all,   // 0644
};

// All of these block; any thread. Where root calls them, what they make belongs to the owner of the folder it is made in:
// an administrator who enrols an agent must not leave it with a key that it cannot read. Errors are the system's.

// Makes `folder` and what is missing above it, each for its owner only. One that is there is left as it is.
error_code make_private_folder(const std::filesystem::path& folder);

// Makes `file` anew with `text` in it, on the disk before this returns. What had the name before is removed, never
// written into: somebody may have opened it when more was allowed.
error_code write_synced(const std::filesystem::path& file, std::string_view text, readable_by who);

// Where root calls it, `file` then belongs to whom `whose` belongs, if that is somebody else; else it stays as it is.
error_code give_to_owner_of(const std::filesystem::path& whose, const std::filesystem::path& file);

// The name of the user whom `file` belongs to, or the user's number; empty where there is no such file.
std::string owner_of(const std::filesystem::path& file);

// Moves `from` over `to` in one step, on the disk before this returns. Both in one folder.
error_code move_synced(const std::filesystem::path& from, const std::filesystem::path& to);

// Removes `file`, on the disk before this returns. No error where there is none.
error_code remove_synced(const std::filesystem::path& file);

// Whether a file can be made in `folder`: makes one and removes it.
error_code check_writable(const std::filesystem::path& folder);

// Whether `file`, or a folder on the way to it, belongs to another user than `folder` and its mode lets nobody else in: what
// root does not notice and the folder's owner cannot open. False where that cannot be told, and for credentials that systemd
// passes to a service.
bool closed_to_owner_of(const std::filesystem::path& folder, const std::filesystem::path& file);

// A file or folder in `folder` that we cannot read and write; empty where there is none.
std::filesystem::path closed_file_in(const std::filesystem::path& folder);

// One that `folder`'s owner cannot open, see closed_to_owner_of(); empty where there is none.
std::filesystem::path file_closed_to_owner_of(const std::filesystem::path& folder);

// Whether files can be made in `folder` and found there, as far as its mode tells.
bool may_use(const std::filesystem::path& folder);

// The name of the user whom this process works as, or the user's number.
std::string own_user();
bool is_root();

// Keeps other processes that take it out of `folder` while it lives; the system drops it when the process dies. Leaves
// nothing behind in the folder.
class folder_guard {
public:
    // Waits for whoever has it.
    static result<folder_guard> take(const std::filesystem::path& folder);

    folder_guard(folder_guard&& other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
    folder_guard& operator=(folder_guard&&) = delete;
    ~folder_guard();

private:
    explicit folder_guard(int handle) : handle_(handle) {}
    int handle_;
};

} // namespace relay::platform
