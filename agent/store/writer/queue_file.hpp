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

// Made and destroyed on the loop thread; in between it belongs to the thread that commits.
class queue_file {
public:
    // `folder` empty: in memory, for tests. `utc_now` empty: the machine's clock. Errors: as sqlite_queue_store::open().
    static result<std::unique_ptr<queue_file>> open(const std::filesystem::path& folder,
                                                    std::int64_t max_commands,
                                                    std::function<utc_time()> utc_now, spdlog::logger& log);
    // Sets the file aside where it was found damaged meanwhile.
    ~queue_file();
    queue_file(const queue_file&) = delete;
    queue_file& operator=(const queue_file&) = delete;

    sqlite::database& connection() noexcept { return *db_; }
    queue_tables& tables() noexcept { return *tables_; }

    // What of the status the tables do not know: the size on disk, and the files that were set aside.
    void add_to(queue_status& s) const;

private:
    queue_file(std::int64_t max_commands, std::function<utc_time()> utc_now, spdlog::logger& log);
    result<void> lock(const std::filesystem::path& folder);
    result<void> open_or_begin_anew();
    result<void> open_once();
    result<bool> needs_check();
    bool begin_anew();
    void close();
    std::int64_t bytes_on_disk() const;

    const std::int64_t max_commands_;
    const std::function<utc_time()> utc_now_;
    spdlog::logger& log_;
    std::filesystem::path file_; // empty: in memory
    std::optional<folder_lock> lock_;
    std::unique_ptr<sqlite::database> db_;
    std::string problem_;        // what was wrong with a file that could not be opened
    std::int64_t set_aside_ = 0; // damaged files that lie beside it
    std::optional<queue_tables> tables_;
};

} // namespace relay::store
