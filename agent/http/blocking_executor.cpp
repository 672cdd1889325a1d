#include "agent/http/blocking_executor.hpp"

#include "agent/http/cause.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <exception>
#include <system_error>
#include <thread>

#ifndef _WIN32
#include <csignal>
#endif

namespace relay::http {
namespace {

// Signals are for the loop's thread.
void block_signals()
{
#ifndef _WIN32
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
#endif
}

struct job {
    job(asio::any_io_executor e, std::function<void()> w, steady_time deadline)
        : executor(std::move(e)),
          work(std::move(w)),
          over(executor, deadline)
    {
    }
    asio::any_io_executor executor;
    std::function<void()> work;
    asio::steady_timer over; // cancelled when it is
    bool done = false;
    std::exception_ptr thrown{};
};

} // namespace

class blocking_executor::state : public std::enable_shared_from_this<state> {
public:
    task<error_code> carry_out(std::function<void()> work, steady_time deadline);
    void stop();

private:
    struct leaving;
    void next();
    void begin(const std::shared_ptr<job>& e);
    void finish();

    std::deque<std::shared_ptr<job>> waiting_;
    std::shared_ptr<job> running_; // its thread has `work` and `thrown` alone until it is posted back
    std::thread thread_;           // joinable while a job runs
    bool stopped_ = false;
};

struct blocking_executor::state::leaving {
    state& from;
    std::shared_ptr<job> mine;
    ~leaving() { std::erase(from.waiting_, mine); }
};

task<error_code> blocking_executor::state::carry_out(std::function<void()> work, steady_time deadline)
{
    if (stopped_)
        co_return asio::error::operation_aborted;
    const auto executor = co_await asio::this_coro::executor;
    const auto mine = std::make_shared<job>(executor, std::move(work), deadline);
    waiting_.push_back(mine);
    const leaving on_exit{*this, mine};
    next();
    if (!mine->done)
        co_await mine->over.async_wait(use_tuple);
    if (mine->done) {
        if (mine->thrown)
            std::rethrow_exception(mine->thrown);
        co_return error_code{};
    }
    const auto ours = co_await asio::this_coro::cancellation_state;
    if (stopped_ || ours.cancelled() != asio::cancellation_type::none)
        co_return asio::error::operation_aborted;
    co_return cause::timed_out;
}

void blocking_executor::state::next()
{
    while (!running_ && !waiting_.empty()) {
        running_ = waiting_.front();
        waiting_.pop_front();
        try {
            begin(running_);
        } catch (const std::system_error&) { // no thread to be had just now
            running_->over.expires_at(steady_time::min());
            running_.reset();
        }
    }
}

void blocking_executor::state::begin(const std::shared_ptr<job>& e)
{
    thread_ = std::thread([e, weak = weak_from_this()] {
        block_signals();
        try {
            e->work();
        } catch (...) {
            e->thrown = std::current_exception();
        }
        asio::post(e->executor, [e, weak] {
            const auto self = weak.lock();
            if (!self || self->stopped_)
                return;
            self->thread_.join();
            self->finish();
            self->next();
        });
    });
}

void blocking_executor::state::finish()
{
    running_->done = true;
    running_->over.cancel();
    running_.reset();
}

void blocking_executor::state::stop()
{
    stopped_ = true;
    for (const auto& e : waiting_)
        e->over.cancel();
    if (running_)
        running_->over.cancel();
    if (thread_.joinable())
        thread_.join();
}

blocking_executor::blocking_executor() : state_(std::make_shared<state>()) {}

blocking_executor::~blocking_executor()
{
    stop();
}

void blocking_executor::stop()
{
    state_->stop();
}

task<error_code> blocking_executor::carry_out(std::function<void()> work, steady_time deadline)
{
    return state_->carry_out(std::move(work), deadline);
}

} // namespace relay::http
