// Group commit: jobs for the store queue up while it commits, then share one transaction, each in its own
// savepoint, and are answered after the COMMIT, in the order they came.
#pragma once

#include "agent/store/sqlite/database.hpp"
#include "agent/store/tables/queue_tables.hpp"
#include "common/crash_point/crash_point.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace spdlog {
class logger;
}

namespace relay::store {

// One call of the store. run() on the store's thread; exactly one answer follows: complete() where what run()
// did is durable or run() failed by itself, fail() where the commit failed, fail() with an exception where
// run() threw.
class job {
public:
    enum class kind { reading, writing };

    explicit job(kind k, std::optional<crash_step> s = std::nullopt) : kind_(k), step_(s) {}
    virtual ~job() = default;
    bool writes() const noexcept { return kind_ == kind::writing; }
    // What its commit is called where tests kill the agent; nothing for what only reads.
    std::optional<crash_step> step() const noexcept { return step_; }

    // Where it failed, what it changed has to be undone.
    virtual error_code run(queue_tables& tables) = 0;
    virtual void complete() = 0;
    virtual void fail(error_code ec) = 0;
    virtual void fail(std::exception_ptr e) = 0;

private:
    kind kind_;
    std::optional<crash_step> step_;
};

// Owns the thread, where there is one, and the pace of checkpoints; borrows connection and tables. Once the connection
// is found damaged, every job fails with errc::store_corrupt without touching it.
class commit_thread {
public:
    struct limits {
        std::size_t most_queued;
        std::size_t most_a_commit;
        int log_pages = 1'000; // a write-ahead log of this size is copied into the file at the next pause
    };

    // Without own_thread a job runs inside push().
    commit_thread(sqlite::database& db, queue_tables& tables, bool own_thread, limits l, spdlog::logger& log);
    // Runs what was pushed, then ends the thread.
    ~commit_thread();
    commit_thread(const commit_thread&) = delete;
    commit_thread& operator=(const commit_thread&) = delete;

    // From one thread, the loop's. A job beyond most_queued fails at once with errc::store_full.
    void push(std::unique_ptr<job> j);

private:
    using batch = std::vector<std::unique_ptr<job>>;

    void run();
    void execute(batch& jobs);
    void execute_writing(batch& jobs);
    error_code attempt(job& j, std::exception_ptr& thrown);
    void note_failure(error_code ec);
    void note_success();
    void checkpoint_if_due(bool idle);

    sqlite::database& db_;
    queue_tables& tables_;
    const limits limits_;
    spdlog::logger& log_;
    error_code trouble_;    // of the last commit; for logging a change once
    bool log_held_ = false; // likewise, for checkpoints

    std::mutex mutex_;
    std::condition_variable filled_;
    std::deque<std::unique_ptr<job>> queue_; // by mutex_
    bool closing_ = false;                   // by mutex_
    std::thread thread_;
};

} // namespace relay::store
