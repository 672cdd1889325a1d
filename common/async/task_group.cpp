#include "common/async/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <cassert>
#include <exception>
#include <unordered_set>
#include <vector>

namespace relay {

struct task_group::state {
    explicit state(asio::any_io_executor e) : executor(std::move(e)), idle(executor) {}

    using child = std::shared_ptr<asio::cancellation_signal>;

    asio::any_io_executor executor;
    std::unordered_set<child> children;
    asio::steady_timer idle; // cancelled when the last child ends: what join() waits on
    std::exception_ptr failure;
    bool stopping = false;

    void stop()
    {
        stopping = true;
        // emit() may complete children inside the call, so it works on a copy of the list.
        for (const auto& signal : std::vector<child>(children.begin(), children.end()))
            signal->emit(asio::cancellation_type::terminal);
    }

    void finished(const child& signal, std::exception_ptr error)
    {
        children.erase(signal);
        if (error && !failure && !is_cancel(error)) {
            failure = error;
            stop();
        }
        if (children.empty())
            idle.cancel();
    }

    static bool is_cancel(const std::exception_ptr& error)
    {
        try {
            std::rethrow_exception(error);
        } catch (const boost::system::system_error& e) {
            return e.code() == asio::error::operation_aborted;
        } catch (...) {
            return false;
        }
    }
};

task_group::task_group(asio::any_io_executor executor) : state_(std::make_shared<state>(std::move(executor)))
{
}

task_group::~task_group()
{
    assert(state_->children.empty() && "join() the group before it goes");
}

void task_group::spawn(task<void> child)
{
    const auto signal = std::make_shared<asio::cancellation_signal>();
    state_->children.insert(signal);
    asio::co_spawn(
        state_->executor, std::move(child),
        asio::bind_cancellation_slot(
            signal->slot(), [s = state_, signal](std::exception_ptr error) { s->finished(signal, error); }));
    if (state_->stopping)
        // Not emitted here: the child has not run yet, and the caller may not expect it to end inside spawn().
        asio::post(state_->executor, [s = state_] { s->stop(); });
}

void task_group::stop()
{
    state_->stop();
}

task<void> task_group::join()
{
    const auto s = state_; // survives the group where the owner goes right after
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!s->children.empty()) {
        s->idle.expires_at(asio::steady_timer::time_point::max());
        co_await s->idle.async_wait(use_tuple);
        const auto mine = co_await asio::this_coro::cancellation_state;
        if (mine.cancelled() != asio::cancellation_type::none && !s->stopping)
            s->stop();
    }
    co_await asio::this_coro::throw_if_cancelled(throws);
    if (s->failure)
        std::rethrow_exception(std::exchange(s->failure, nullptr));
}

std::size_t task_group::size() const noexcept
{
    return state_->children.size();
}

bool task_group::stopping() const noexcept
{
    return state_->stopping;
}

} // namespace relay
