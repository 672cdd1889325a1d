#include "common/time/time_source.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace relay {
namespace asio = boost::asio;

asio::awaitable<error_code> real_time::sleep_for(duration length)
{
    asio::steady_timer timer(co_await asio::this_coro::executor, length);
    const auto [ec] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return ec;
}

} // namespace relay
