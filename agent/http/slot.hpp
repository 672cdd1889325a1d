// A thread with a connection of its own: signed in or not, it is shared with nobody.
#pragma once

#include "agent/http/account.hpp"
#include "agent/http/connection.hpp"
#include "agent/http/job.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace relay::http {

// What a slot needs of its client; all of it outlives the slot.
struct surroundings {
    const endpoint& server;
    trust& who;
    const client_settings& settings;
    http::account& account;
};

// Used by the loop thread only. The thread is started by the first job, and ends, closing the connection, once it had
// nothing to do for client_settings::idle.
class slot {
public:
    explicit slot(const surroundings& around) : around_(around) {}
    ~slot(); // as stop()
    slot(const slot&) = delete;
    slot& operator=(const slot&) = delete;

    // Hands `j` over; j.done->post() is called when it is through. One job at a time.
    void start(job& j);
    // Ends `j` early where it still runs here; it completes all the same.
    void cancel(job& j);
    // Cancels what runs and waits for the thread; the job that ran has completed after it. Idempotent.
    void stop();

    // How many connections this slot has opened. Any thread.
    std::uint64_t opened() const noexcept { return opened_; }

private:
    void run();

    surroundings around_;
    std::mutex lock_; // guards what follows
    std::condition_variable given_;
    job* job_ = nullptr;
    connection* wire_ = nullptr;
    bool running_ = false; // the thread takes jobs
    bool stopping_ = false;
    std::thread thread_;
    std::atomic<std::uint64_t> opened_{0};
};

} // namespace relay::http
