// The store thread: rows put while one transaction is on its way to the disk make up the next one.
#pragma once

#include "common/async/async.hpp"
#include "common/async/notifier.hpp"
#include "tests/stand_ins/cloud/database.hpp"

#include <boost/asio/io_context.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace relay::cloud_sim {

// Belongs to the loop thread but for the database, which the store thread has once start() was called.
class recorder {
public:
    struct hooks {
        std::function<void(std::vector<row>&)>
            closing;                             // a batch is about to go: add what changed since the last
        std::function<void()> committed;         // and is on the disk
        std::function<void(std::string)> failed; // the store is broken; nothing is committed any more
    };

    recorder(asio::io_context& context, database db);
    ~recorder(); // commits what waits; run() of the context must have ended
    recorder(const recorder&) = delete;
    recorder& operator=(const recorder&) = delete;

    void start(hooks h);
    void put(row r);
    // Something changed that `closing` will tell: there must be another batch.
    void wake();
    // Returns when all that was put before is on the disk, or the wait is cancelled or the store broken.
    task<error_code> flush();

private:
    void hand_over();
    void finished(std::string error);
    void work();

    asio::io_context& context_;
    database database_;
    hooks hooks_;
    std::vector<row> waiting_;
    bool woken_ = false, busy_ = false, broken_ = false;
    std::uint64_t opened_ = 1, done_ = 0; // the batch being filled, the last one committed
    notifier batch_done_;

    std::mutex mutex_; // guards the two below
    std::condition_variable changed_;
    std::optional<std::vector<row>> batch_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace relay::cloud_sim
