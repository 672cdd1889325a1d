// The queue's file from opening to closing: locked, checked, brought to this version; set aside where it is damaged.
#pragma once

#include "agent/store/sqlite/database.hpp"
#include "agent/store/sqlite/folder_lock.hpp"
#include "agent/store/tables/queue_tables.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace spdlog {
class logger;
}

namespace relay::store {

// What the queue may take of the disk.
struct disk_limits {
    byte_budgets budgets = {};
    // Of events and reads that wait for the cloud; past it no more are taken. Watched mailboxes are looked at again later.
    std::int64_t message_bytes = 256 * 1'048'576;
    // Kept free for what is owed: nothing for 64 MiB, or a tenth of the disk if that is less.
    std::optional<std::int64_t> reserve_bytes = {};
};

// Made and destroyed on the loop thread; in between it belongs to the thread that commits.
class queue_file {
public:
    // `folder` empty: in memory, for tests. `utc_now` empty: the machine's clock. Errors: as sqlite_queue_store::open().
    static result<std::unique_ptr<queue_file>> open(const std::filesystem::path& folder,
                                                    std::int64_t max_commands, disk_limits disk,
                                                    std::function<utc_time()> utc_now, spdlog::logger& log);
    // Sets the file aside where it was found damaged meanwhile.
    ~queue_file();
    queue_file(const queue_file&) = delete;
    queue_file& operator=(const queue_file&) = delete;

    sqlite::database& connection() noexcept { return *db_; }
    queue_tables& tables() noexcept { return *tables_; }

    // Whether the disk has room for what is new, and not too much waits for the cloud already.
    bool has(needs room);

    // What of the status the tables do not know: the size on disk, and the files that were set aside.
    void add_to(queue_status& s) const;

private:
    queue_file(std::int64_t max_commands, disk_limits disk, std::function<utc_time()> utc_now,
               spdlog::logger& log);
    result<void> lock(const std::filesystem::path& folder);
    result<void> open_or_begin_anew();
    result<void> open_once();
    result<bool> needs_check();
    bool begin_anew();
    void close();
    std::int64_t bytes_on_disk() const;
    void look_at_disk();

    const std::int64_t max_commands_;
    const disk_limits disk_;
    const std::function<utc_time()> utc_now_;
    spdlog::logger& log_;
    std::filesystem::path file_; // empty: in memory
    std::optional<folder_lock> lock_;
    std::unique_ptr<sqlite::database> db_;
    std::string problem_;        // what was wrong with a file that could not be opened
    std::int64_t set_aside_ = 0; // damaged files that lie beside it
    std::optional<queue_tables> tables_;

    std::chrono::steady_clock::time_point looked_at_{}; // when the disk was
    std::int64_t free_ = 0, reserve_ = 0;
    bool low_ = false; // for logging a change once
};

} // namespace relay::store
