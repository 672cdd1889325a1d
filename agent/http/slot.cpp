#include "agent/http/slot.hpp"

#ifndef _WIN32
#include <csignal>
#endif

namespace relay::http {
namespace {

// Signals are for the main thread. This keeps a SIGPIPE from ending the process too: OpenSSL writes to a socket that the
// peer has closed without MSG_NOSIGNAL, and libcurl leaves the signal alone under CURLOPT_NOSIGNAL.
void block_signals()
{
#ifndef _WIN32
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
#endif
}

} // namespace

slot::~slot()
{
    stop();
}

void slot::start(job& j)
{
    {
        std::unique_lock hold(lock_);
        job_ = &j;
        if (stopping_)
            j.cancelled = true;
        if (running_) {
            hold.unlock(); // or the thread would wake only to wait for the lock
            given_.notify_one();
            return;
        }
        running_ = true;
    }
    if (thread_.joinable())
        thread_.join(); // it went idle and is on its way out
    thread_ = std::thread([this] { run(); });
}

void slot::cancel(job& j)
{
    const std::lock_guard hold(lock_);
    if (job_ != &j)
        return;
    j.cancelled = true;
    if (wire_)
        wire_->wake();
}

void slot::stop()
{
    {
        const std::lock_guard hold(lock_);
        stopping_ = true;
        if (job_) {
            job_->cancelled = true;
            if (wire_)
                wire_->wake();
        }
        given_.notify_one();
    }
    if (thread_.joinable())
        thread_.join();
}

void slot::run()
{
    block_signals();
    std::optional<signed_connection> mine;
    std::unique_lock hold(lock_);
    while (given_.wait_for(hold, around_.settings.idle, [this] { return job_ || stopping_; }) && job_) {
        job& j = *job_;
        if (!mine)
            mine.emplace(around_.server, around_.who, around_.settings.limits, around_.settings.user_agent);
        wire_ = &mine->wire;
        hold.unlock();
        around_.account.carry_out(*mine, j);
        opened_ = mine->wire.opened();
        hold.lock();
        job_ = nullptr;
        const auto done = std::move(j.done); // posting it may end `j` before we look again
        hold.unlock();
        done->post();
        hold.lock();
    }
    wire_ = nullptr;
    running_ = false;
    // `mine` closes its connection after the lock is released, being declared before it.
}

} // namespace relay::http
