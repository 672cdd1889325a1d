#include "agent/uplink/tcp_race.hpp"

#include "common/async/notifier.hpp"
#include "common/async/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <optional>

namespace relay::uplink {
namespace {

using asio::ip::tcp;

struct race {
    explicit race(const asio::any_io_executor& executor) : changed(executor) {}

    notifier changed;
    std::optional<tcp::socket> winner;
    std::size_t failures = 0;
    error_code first_failure;
};

task<void> run_for(race& r, tcp::endpoint address)
{
    tcp::socket socket(co_await asio::this_coro::executor);
    const auto [ec] = co_await socket.async_connect(address, use_tuple);
    if (r.winner)
        co_return;
    if (!ec.failed()) {
        r.winner = std::move(socket);
    } else if (r.failures++ == 0) {
        r.first_failure = ec;
    }
    r.changed.notify();
}

task<void> run(race& r, time_source& time, const std::vector<tcp::endpoint>& addresses, task_group& runners)
{
    using namespace asio::experimental::awaitable_operators;
    for (std::size_t begun = 0; !r.winner;) {
        const auto failures = r.failures;
        if (begun < addresses.size())
            runners.spawn(run_for(r, addresses[begun++]));
        else if (failures == addresses.size())
            co_return;
        if (begun < addresses.size())
            co_await (r.changed.wait() || time.sleep_for(next_address_after));
        else
            co_await r.changed.wait();
    }
}

} // namespace

std::vector<tcp::endpoint> by_turns(const std::vector<tcp::endpoint>& addresses)
{
    std::vector<tcp::endpoint> first, other, mixed;
    for (const auto& one : addresses)
        (one.protocol() == addresses.front().protocol() ? first : other).push_back(one);
    for (std::size_t i = 0; i < std::max(first.size(), other.size()); ++i) {
        if (i < first.size())
            mixed.push_back(first[i]);
        if (i < other.size())
            mixed.push_back(other[i]);
    }
    if (mixed.size() > most_addresses)
        mixed.resize(most_addresses);
    return mixed;
}

dialling_order in_order(const http::address_memory& memory, std::vector<tcp::endpoint> found)
{
    const auto fit = [&](const tcp::endpoint& e) { return !memory.has_failed(e.address()); };
    const auto is_favourite = [&](const tcp::endpoint& e) { return memory.favourite() == e.address(); };
    const auto end_of_fit = std::stable_partition(found.begin(), found.end(), fit);
    std::stable_partition(found.begin(), end_of_fit, is_favourite);
    std::stable_sort(end_of_fit, found.end(), [&](const tcp::endpoint& a, const tcp::endpoint& b) {
        return memory.failed_before(a.address(), b.address());
    });
    dialling_order order{{found.begin(), end_of_fit}, {end_of_fit, found.end()}};
    if (order.first.empty())
        order.first.swap(order.last);
    return order;
}

task<result<tcp::socket>> connect_any(time_source& time, std::vector<tcp::endpoint> addresses)
{
    const auto executor = co_await asio::this_coro::executor;
    const auto order = by_turns(addresses);
    race r(executor);
    task_group runners(executor);
    std::exception_ptr unwinding;
    try {
        co_await run(r, time, order, runners);
    } catch (...) {
        unwinding = std::current_exception(); // a cancel: the runners end first
    }
    runners.stop();
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await runners.join();
    if (unwinding)
        std::rethrow_exception(unwinding);
    if (!r.winner)
        co_return r.first_failure.failed() ? r.first_failure : error_code(asio::error::host_not_found);
    error_code ignored; // a connection without these options still works
    r.winner->set_option(tcp::no_delay(true), ignored);
    r.winner->set_option(asio::socket_base::keep_alive(true), ignored);
    co_return std::move(*r.winner);
}

} // namespace relay::uplink
