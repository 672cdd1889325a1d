#include "tests/support/manual_time.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace relay::test {

task<error_code> manual_time::sleep_for(duration length)
{
    if (length <= duration::zero())
        co_return error_code{};
    const auto entry = std::make_shared<sleeper>(sleeper{
        asio::steady_timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max())});
    const auto place = sleepers_.emplace(now_ + length, entry);
    const auto [ec] = co_await entry->timer.async_wait(use_tuple);
    if (entry->woken)
        co_return error_code{}; // advance() took it off the list
    sleepers_.erase(place);
    co_return ec;
}

void manual_time::settle()
{
    context_.restart();
    while (context_.poll() != 0) {
    }
}

void manual_time::advance(duration by)
{
    const auto target = now_ + by;
    settle();
    while (!sleepers_.empty() && sleepers_.begin()->first <= target) {
        move_to(std::max(now_, sleepers_.begin()->first)); // a leap may have passed it
        wake_first();
        settle();
    }
    move_to(std::max(now_, target));
}

void manual_time::suspend(duration by)
{
    settle();
    ++jumps_;
    move_to(now_ + by);
    while (!sleepers_.empty() && sleepers_.begin()->first <= now_)
        wake_first();
    settle();
}

void manual_time::wake_first()
{
    const auto first = sleepers_.begin();
    const auto entry = first->second;
    sleepers_.erase(first);
    entry->woken = true;
    entry->timer.cancel();
}

void manual_time::move_to(steady_time t)
{
    const auto step = t - now_ + below_a_millisecond_;
    const auto whole = std::chrono::floor<milliseconds>(step);
    below_a_millisecond_ = step - whole;
    utc_ += whole;
    now_ = t;
}

} // namespace relay::test
