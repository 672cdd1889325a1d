#include "common/async/async.hpp"
#include "common/async/notifier.hpp"
#include "common/async/task_group.hpp"
#include "tests/support/manual_time.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <catch2/catch.hpp>

#include <stdexcept>
#include <vector>

using namespace relay;

namespace {

struct fixture {
    asio::io_context context;
    test::manual_time time{context};
    asio::cancellation_signal cancel;

    // Starts `t`; cancel.emit() reaches it.
    void start(task<void> t)
    {
        asio::co_spawn(context, std::move(t),
                       asio::bind_cancellation_slot(cancel.slot(), [this](std::exception_ptr e) {
                           ended = true;
                           failure = e;
                       }));
        time.settle();
    }

    bool ended = false;
    std::exception_ptr failure;
};

task<result<int>> answer_after(time_source& time, duration length, int value)
{
    if (const auto ec = co_await time.sleep_for(length); ec)
        co_return ec;
    co_return value;
}

task<void> keep(task<result<int>> op, result<int>& out)
{
    out = co_await std::move(op);
}

task<void> sleep_and_note(time_source& time, duration length, std::vector<int>& order, int name)
{
    const auto ec = co_await time.sleep_for(length);
    order.push_back(ec ? -name : name);
}

task<void> fail_after(time_source& time, duration length)
{
    co_await time.sleep_for(length);
    throw std::runtime_error("broken");
}

} // namespace

TEST_CASE_METHOD(fixture, "an answer in time is the answer", "[unit][async]")
{
    result<int> out = 0;
    start(keep(with_timeout(time, 10s, answer_after(time, 3s, 42)), out));
    time.advance(3s);
    CHECK(ended);
    REQUIRE(out.has_value());
    CHECK(*out == 42);
    CHECK(time.sleepers() == 0); // the deadline went with it
}

TEST_CASE_METHOD(fixture, "an answer too late is timed_out, and the work is cancelled", "[unit][async]")
{
    result<int> out = 0;
    start(keep(with_timeout(time, 10s, answer_after(time, 30s, 42)), out));
    time.advance(9s);
    CHECK_FALSE(ended);
    time.advance(1s);
    CHECK(ended);
    CHECK(out.error() == asio::error::timed_out);
    CHECK(time.sleepers() == 0);
}

TEST_CASE_METHOD(fixture, "a cancelled wait is operation_aborted, not timed_out", "[unit][async]")
{
    result<int> out = 0;
    start(keep(with_timeout(time, 10s, answer_after(time, 30s, 42)), out));
    cancel.emit(asio::cancellation_type::terminal);
    time.settle();
    CHECK(ended);
    CHECK(out.error() == asio::error::operation_aborted);
    CHECK(time.sleepers() == 0);
}

TEST_CASE_METHOD(fixture, "sleepers wake in the order of their deadlines", "[unit][async]")
{
    std::vector<int> order;
    task_group group(context.get_executor());
    for (const int n : {3, 1, 2})
        group.spawn(sleep_and_note(time, std::chrono::seconds(n), order, n));
    time.advance(2s);
    CHECK(order == std::vector<int>{1, 2});
    time.advance(1s);
    CHECK(order == std::vector<int>{1, 2, 3});
    CHECK(time.now() - steady_time{1h} == 3s);
}

TEST_CASE_METHOD(fixture, "a wall clock that jumps does not wake anybody", "[unit][async]")
{
    const auto before = time.utc_now();
    std::vector<int> order;
    task_group group(context.get_executor());
    group.spawn(sleep_and_note(time, 1h, order, 1));
    time.jump_wall_clock(24h);
    time.advance(1s);
    CHECK(order.empty());
    CHECK(time.utc_now() - before == 24h + 1s);
    group.stop();
    time.settle();
    CHECK(order == std::vector<int>{-1});
}

TEST_CASE_METHOD(fixture, "steps below a millisecond add up", "[unit][async]")
{
    const auto before = time.utc_now();
    for (int i = 0; i < 10; ++i)
        time.advance(std::chrono::microseconds(300));
    CHECK(time.utc_now() - before == 3ms);
}

TEST_CASE_METHOD(fixture, "a group's first failure stops the rest and comes out of join", "[unit][async]")
{
    std::vector<int> order;
    task_group group(context.get_executor());
    group.spawn(sleep_and_note(time, 1h, order, 1));
    group.spawn(fail_after(time, 1s));
    start(group.join());
    CHECK_FALSE(ended);
    time.advance(1s);
    CHECK(ended);
    CHECK(order == std::vector<int>{-1});
    CHECK(group.size() == 0);
    REQUIRE(failure);
    CHECK_THROWS_AS(std::rethrow_exception(failure), std::runtime_error);
}

TEST_CASE_METHOD(fixture, "a stopped group cancels also what is spawned later", "[unit][async]")
{
    std::vector<int> order;
    task_group group(context.get_executor());
    group.stop();
    CHECK(group.stopping());
    group.spawn(sleep_and_note(time, 1h, order, 1));
    start(group.join());
    CHECK(ended);
    CHECK_FALSE(failure);
    CHECK(order == std::vector<int>{-1});
}

TEST_CASE_METHOD(fixture, "join waits for every child", "[unit][async]")
{
    std::vector<int> order;
    task_group group(context.get_executor());
    group.spawn(sleep_and_note(time, 1s, order, 1));
    group.spawn(sleep_and_note(time, 2s, order, 2));
    start(group.join());
    time.advance(1s);
    CHECK_FALSE(ended);
    time.advance(1s);
    CHECK(ended);
    CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE_METHOD(fixture, "an empty group joins at once", "[unit][async]")
{
    task_group group(context.get_executor());
    start(group.join());
    CHECK(ended);
}

TEST_CASE_METHOD(fixture, "a notifier wakes every waiter, and forgets", "[unit][async]")
{
    notifier n(context.get_executor());
    int woken = 0;
    const auto waiter = [](notifier& on, int& count) -> task<void> {
        const auto ec = co_await on.wait();
        if (!ec)
            ++count;
    };
    n.notify(); // nobody waits: not remembered
    task_group group(context.get_executor());
    group.spawn(waiter(n, woken));
    group.spawn(waiter(n, woken));
    time.settle();
    CHECK(woken == 0);
    n.notify();
    time.settle();
    CHECK(woken == 2);
}

TEST_CASE_METHOD(fixture, "a cancelled waiter of a notifier is told so by value", "[unit][async]")
{
    notifier n(context.get_executor());
    error_code seen;
    const auto waiter = [](notifier& on, error_code& out) -> task<void> { out = co_await on.wait(); };
    start(waiter(n, seen));
    cancel.emit(asio::cancellation_type::terminal);
    time.settle();
    CHECK(ended);
    CHECK_FALSE(failure);
    CHECK(seen == asio::error::operation_aborted);
}
