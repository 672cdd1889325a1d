// Coroutines that wait in a row for something to be handed to them. Loop thread only.
#pragma once

#include "common/async/async.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <list>
#include <optional>

namespace relay::http {

template <class T>
class wait_list {
public:
    // What was handed over, or nothing where the waiting coroutine was cancelled; what had been handed to it at that
    // very moment is returned all the same, so that it is not lost.
    task<std::optional<T>> wait()
    {
        const auto me = join(co_await asio::this_coro::executor);
        const leaving on_exit{*this, me};
        co_await me->timer.async_wait(use_tuple);
        co_return std::move(me->handed);
    }

    // As wait(); at `time` at the latest, with a default value.
    task<std::optional<T>> wait_until(time_source& time, steady_time until)
    {
        using namespace asio::experimental::awaitable_operators;
        const auto me = join(co_await asio::this_coro::executor);
        const leaving on_exit{*this, me};
        const auto first = co_await (me->timer.async_wait(use_tuple) || time.sleep_for(until - time.now()));
        if (!me->handed && first.index() == 1 && !std::get<1>(first))
            me->handed.emplace();
        co_return std::move(me->handed);
    }

    // False where nobody waits; `value` is the caller's still.
    bool wake_first(T value)
    {
        for (auto& w : waiting_)
            if (!w.handed && !w.cancelled) {
                w.handed.emplace(std::move(value));
                w.timer.cancel();
                return true;
            }
        return false;
    }

    void wake_all(const T& value)
    {
        while (wake_first(value)) {
        }
    }

    // Everybody leaves as if cancelled.
    void cancel_all()
    {
        for (auto& w : waiting_) {
            w.cancelled = true;
            w.timer.cancel();
        }
    }

    std::size_t size() const noexcept { return waiting_.size(); }

private:
    struct waiter {
        asio::steady_timer timer;
        std::optional<T> handed{};
        bool cancelled = false;
    };
    using place = typename std::list<waiter>::iterator;
    struct leaving {
        wait_list& from;
        place me;
        ~leaving() { from.waiting_.erase(me); }
    };

    place join(const asio::any_io_executor& executor)
    {
        return waiting_.insert(waiting_.end(),
                               waiter{asio::steady_timer(executor, asio::steady_timer::time_point::max())});
    }

    std::list<waiter> waiting_;
};

} // namespace relay::http
