#include "agent/store/writer/commit_thread.hpp"

#include "common/log_event/log_event.hpp"

#include <spdlog/spdlog.h>

namespace relay::store {
namespace {

// The log is copied into the file when there is a pause and it has grown to limits::log_pages, or without a pause past
// this many times that (16 MiB): seldom, as a checkpoint syncs twice and the first commit after it once more.
constexpr int without_a_pause = 4;

void crash_points(const std::vector<std::unique_ptr<job>>& jobs, crash_moment m)
{
    for (const auto& j : jobs)
        if (const auto step = j->step())
            crash_point(*step, m);
}

} // namespace

commit_thread::commit_thread(sqlite::database& db, queue_tables& tables, bool own_thread, limits l,
                             spdlog::logger& log)
    : db_(db),
      tables_(tables),
      limits_(l),
      log_(log)
{
    if (own_thread)
        thread_ = std::thread([this] { run(); });
}

commit_thread::~commit_thread()
{
    if (!thread_.joinable())
        return;
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    filled_.notify_one();
    thread_.join();
}

void commit_thread::push(std::unique_ptr<job> j)
{
    if (!thread_.joinable()) {
        batch one;
        one.push_back(std::move(j));
        execute(one);
        checkpoint_if_due(true);
        return;
    }
    std::unique_lock lock(mutex_);
    if (queue_.size() >= limits_.most_queued) {
        lock.unlock();
        j->fail(errc::store_full);
        return;
    }
    queue_.push_back(std::move(j));
    lock.unlock();
    filled_.notify_one();
}

void commit_thread::run()
{
    std::unique_lock lock(mutex_);
    for (;;) {
        filled_.wait(lock, [this] { return closing_ || !queue_.empty(); });
        if (queue_.empty())
            return; // closing, and everything is done
        batch jobs;
        while (!queue_.empty() && jobs.size() < limits_.most_a_commit) {
            jobs.push_back(std::move(queue_.front()));
            queue_.pop_front();
        }
        const bool idle = queue_.empty();
        lock.unlock();
        execute(jobs);
        jobs.clear();
        checkpoint_if_due(idle);
        lock.lock();
    }
}

void commit_thread::execute(batch& jobs)
{
    if (db_.damaged()) { // what it holds is not to be trusted, and what it takes might be lost
        for (const auto& j : jobs)
            j->fail(errc::store_corrupt);
        return;
    }
    for (const auto& j : jobs)
        if (j->writes())
            return execute_writing(jobs);
    // Nothing to commit: reads see the file as it is.
    for (const auto& j : jobs) {
        std::exception_ptr thrown;
        note_failure(attempt(*j, thrown));
        if (thrown)
            j->fail(thrown);
        else
            j->complete();
    }
}

void commit_thread::execute_writing(batch& jobs)
{
    std::vector<std::exception_ptr> thrown(jobs.size());
    error_code trouble;
    const auto changed_before = db_.total_changes();
    const auto done = [&]() -> result<void> {
        if (auto begun = tables_.begin_commit(); begun.has_error())
            return begun;
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            // A savepoint each: what one of them fails with is its own affair, and the others' work stays.
            if (auto begun = tables_.begin_job(); begun.has_error())
                return begun;
            const auto failed = attempt(*jobs[i], thrown[i]);
            if (failed && failed != errc::not_found) // not found: the answer to a question
                trouble = failed;
            const auto ended = failed ? tables_.undo_job() : tables_.keep_job();
            // Where SQLite gave up the whole transaction (a full disk, say), there is no savepoint to go back to: what
            // the job failed with is why.
            if (ended.has_error())
                return failed ? failed : ended.error();
        }
        crash_points(jobs, crash_moment::before);
        auto committed = tables_.commit();
        crash_points(jobs, crash_moment::after);
        return committed;
    }();
    if (done.has_error()) {
        tables_.roll_back();
        if (!db_.damaged())
            tables_.bury_failed_commit(); // before anybody is told that it failed
    }
    if (done.has_error() || trouble)
        note_failure(done.has_error() ? done.error() : trouble);
    else if (db_.total_changes() != changed_before)
        note_success(); // what changed nothing proves nothing
    // Nobody is told before this line: done means that the commit is on the disk, or never will be.
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (thrown[i])
            jobs[i]->fail(thrown[i]);
        else if (done.has_error())
            jobs[i]->fail(done.error());
        else
            jobs[i]->complete();
    }
    // A log that may not grow can still be begun anew where it lies.
    if (trouble_ == errc::store_full && !db_.damaged())
        (void)db_.checkpoint();
}

error_code commit_thread::attempt(job& j, std::exception_ptr& thrown)
{
    try {
        return j.run(tables_);
    } catch (...) {
        thrown =
            std::current_exception(); // a bug or no memory: ends the component that called, not this thread
        return errc::store_io;
    }
}

void commit_thread::note_failure(error_code ec)
{
    if (ec == errc::store_corrupt && ec != trouble_)
        event::queue_damaged.error(
            log_, "queue: the file is damaged: {}; nothing is read or written any more", db_.last_problem());
    else if (ec && ec != trouble_)
        event::queue_down.error(log_, "queue: {} ({}); what is asked of it fails until that changes",
                                ec.message(), db_.last_problem());
    trouble_ = ec ? ec : trouble_;
}

void commit_thread::note_success()
{
    if (trouble_)
        event::queue_up.info(log_, "queue: stores again");
    trouble_ = {};
}

void commit_thread::checkpoint_if_due(bool idle)
{
    if (db_.damaged() || db_.wal_pages() < limits_.log_pages * (idle ? 1 : without_a_pause))
        return;
    crash_point("store.checkpoint", crash_moment::before);
    const auto done = db_.checkpoint();
    crash_point("store.checkpoint", crash_moment::after);
    if (done.has_error() && !log_held_)
        log_.warn("queue: cannot copy the log into the file: {} ({}); the log grows meanwhile",
                  done.error().message(), db_.last_problem());
    log_held_ = done.has_error();
}

} // namespace relay::store
