// The queue in one SQLite file. A thread of its own owns the connection; calls made while it commits join one
// transaction (group commit), so that many commands cost one sync of the disk.
#pragma once

#include "agent/store/queue_store.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

namespace spdlog {
class logger;
}

namespace relay::store {

// Made and destroyed on the loop thread; destroying it finishes the calls already made and closes the file. The
// io_context of the callers outlives it.
class sqlite_queue_store final : public queue_store {
public:
    enum class threading {
        own_thread, // the agent
        inline_,    // jobs run at once inside the call: tests and simulations in virtual time
    };

    struct settings {
        std::filesystem::path folder; // data_dir: holds queue.db and the lock; empty: in memory, for tests
        std::int64_t max_commands = 100'000; // unfinished, and finished but not acknowledged
        threading mode = threading::own_thread;
        std::function<utc_time()>
            utc_now;           // stamps events and stored reads; empty: the machine's clock. Store thread
        int log_pages = 1'000; // the write-ahead log is copied into the file from this size on
        // What the history and the audit may take; past it their oldest entries go. Nothing: no such limit.
        std::optional<std::int64_t> history_bytes = {}, audit_bytes = {};
        std::int64_t message_bytes = 256 * 1'048'576; // of events and reads that wait for the cloud
        // Kept free on the disk for what is owed. Nothing: 64 MiB, or a tenth of the disk if that is less.
        std::optional<std::int64_t> reserve_bytes = {};
    };

    static constexpr std::size_t most_queued_jobs =
        8'192; // calls not yet answered; one beyond it is errc::store_full
    static constexpr std::size_t most_jobs_a_commit = 256;

    // Takes the folder's lock, brings the file to this version and checks it. Blocks, for seconds where a large file
    // was not closed in order. A damaged file is set aside (damaged_files.hpp) and a new one begun, with a new store id.
    // Errors: errc::store_locked, store_newer, store_read_only, store_full, store_io, and store_corrupt where the damaged
    // file cannot be set aside; each is logged with what SQLite or the system said.
    static result<std::unique_ptr<sqlite_queue_store>> open(settings s, spdlog::logger& log);
    // A file that was found damaged meanwhile is set aside.
    ~sqlite_queue_store() override;

    void on_damage(std::function<void()> found) override;
    task<any_answer> carry_out(any_step s) override;

private:
    struct parts;
    explicit sqlite_queue_store(std::unique_ptr<parts> p);
    std::unique_ptr<parts> parts_;
};

} // namespace relay::store
