// The transaction log: every write is on the disk before its answer goes out, many at a time.
#pragma once

#include "common/async/notifier.hpp"

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace relay::exchange_sim {

// Used from the loop thread; one thread of its own writes and syncs. An I/O error ends the program: a
// stand-in that claims durability it has not is worse than none.
class journal {
public:
    // An empty `path` makes a journal that keeps nothing and never waits. Throws std::system_error.
    journal(asio::any_io_executor executor, const std::string& path);
    ~journal();
    journal(const journal&) = delete;
    journal& operator=(const journal&) = delete;

    void append(std::string_view line);
    // Returns when everything appended before is on the disk, or with operation_aborted.
    task<error_code> settled();

private:
    void work();

    int file_ = -1;
    asio::any_io_executor executor_;
    notifier progress_;
    std::uint64_t appended_ = 0;                                 // loop thread
    std::uint64_t synced_ = 0;                                   // loop thread
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); // for what the thread posted before it ended

    std::mutex mutex_;
    std::condition_variable wake_;
    std::string waiting_;             // under mutex_
    std::uint64_t waiting_up_to_ = 0; // under mutex_
    bool stopping_ = false;           // under mutex_
    std::thread thread_;
};

} // namespace relay::exchange_sim
