#include "agent/app/store_refusal.hpp"

#include "common/platform/disk_room.hpp"
#include "common/platform/private_files.hpp"

#include <fmt/format.h>

namespace relay::app {
namespace {

// What about the disk or the rights explains that nothing can be written in `folder`; empty where nothing does.
std::string cause_in(const std::filesystem::path& folder)
{
    const auto name = folder.string();
    if (const auto room = platform::room_at(folder)) {
        if (room->read_only)
            return fmt::format(
                "{} (agent.data_dir) is on a file system that is mounted read-only; have it mounted for "
                "writing, or look into the kernel's log for why it no longer is",
                name);
        if (!room->has_inodes)
            return fmt::format(
                "the file system of {} (agent.data_dir) has no inodes left; remove files there, of which "
                "there are too many",
                name);
    }
    const auto us = platform::own_user();
    if (const auto file = platform::closed_file_in(folder); !file.empty())
        return fmt::format(
            "{} belongs to {} and cannot be opened by {}, whom the agent runs as: somebody ran the agent "
            "as {} once; chown {} {}",
            file.string(), platform::owner_of(file), us, platform::owner_of(file), us, file.string());
    if (!platform::may_use(folder))
        return fmt::format(
            "{} (agent.data_dir) belongs to {} and cannot be used by {}, whom the agent runs as; chown {} "
            "{}",
            name, platform::owner_of(folder), us, us, name);
    return {};
}

} // namespace

std::string store_refusal(error_code ec, const std::filesystem::path& folder)
{
    if (ec == errc::store_locked)
        return fmt::format("another agent runs on {}; stop it, or give this one an agent.data_dir of its own",
                           folder.string());
    if (ec == errc::store_newer)
        return fmt::format(
            "the queue in {} was written by a newer version of the agent; install that version",
            folder.string());
    if (ec == errc::store_corrupt)
        return fmt::format("the queue in {} is damaged and cannot be set aside (the log says why); look at "
                           "the disk, then move "
                           "queue.db and its -wal and what lies there as queue.db.damaged-… away",
                           folder.string());
    if (auto cause = cause_in(folder); !cause.empty())
        return cause;
    if (ec == errc::store_full)
        return fmt::format("the disk of {} (agent.data_dir) is full; make room on it", folder.string());
    return fmt::format("the queue in {} cannot be used: {}; look at the disk and at the folders above",
                       folder.string(), ec.message());
}

std::string refusal_to_root(const std::filesystem::path& folder)
{
    const auto owner = platform::owner_of(folder);
    if (owner.empty() || !platform::is_root() || owner == platform::own_user())
        return {};
    return fmt::format(
        "{} (agent.data_dir) belongs to {}, who could not open what root makes there; run the agent as "
        "that user: systemctl start workestra-relay, or sudo -u {} workestra-relay run",
        folder.string(), owner, owner);
}

} // namespace relay::app
