#include "agent/doctor/log_file.hpp"

#include "common/platform/disk_room.hpp"
#include "common/platform/private_files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <memory>

namespace relay::doctor {
namespace {

constexpr std::uintmax_t mebibyte = 1024 * 1024;
constexpr std::uintmax_t least_free_bytes = 16 * mebibyte; // a file of the log grows to 10

struct closing {
    void operator()(std::FILE* f) const { std::fclose(f); }
};

} // namespace

check log_file(const std::filesystem::path& file)
{
    check c{"log_file", false, {}, {}};
    const auto name = file.string();
    const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    std::error_code ec;
    if (!std::filesystem::is_directory(folder, ec)) {
        c.message = fmt::format("{} (log.file): there is no folder {}", name, folder.string());
        c.advice = "Make the folder, for the user that the agent runs as.";
        return c;
    }
    if (std::filesystem::exists(file, ec)) {
        const std::unique_ptr<std::FILE, closing> opened(std::fopen(name.c_str(), "ab"));
        if (!opened) {
            c.message = fmt::format("{} (log.file) cannot be opened for writing: {}", name,
                                    std::generic_category().message(errno));
            c.advice = fmt::format(
                "It belongs to {}; the user that the agent runs as has to be able to write it. Run "
                "this check as that user or as root.",
                platform::owner_of(file));
            return c;
        }
        if (platform::closed_to_owner_of(folder, file)) {
            c.message =
                fmt::format("{} (log.file) belongs to {}, and {}, whom its folder belongs to, cannot open it",
                            name, platform::owner_of(file), platform::owner_of(folder));
            c.advice = fmt::format("chown {} {}", platform::owner_of(folder), name);
            return c;
        }
    }
    const auto room = platform::room_at(folder);
    if (!room) {
        c.message = fmt::format("the free space of {} cannot be told", folder.string());
        c.advice = "Look at the disk that log.file is on.";
        return c;
    }
    c.ok = room->free_bytes >= least_free_bytes && room->has_inodes;
    c.message = room->has_inodes
                    ? fmt::format("the disk of {} has {} MiB free", name, room->free_bytes / mebibyte)
                    : fmt::format("the disk of {} has no inodes left", name);
    if (!c.ok)
        c.advice =
            "Make room on this disk: lines of the log are lost while it is full (the agent counts them and "
            "goes on).";
    return c;
}

} // namespace relay::doctor
