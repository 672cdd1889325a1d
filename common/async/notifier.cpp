#include "common/async/notifier.hpp"

#include <boost/asio/this_coro.hpp>

namespace relay {

task<error_code> notifier::wait()
{
    // Both a notify and a cancel end the wait with operation_aborted: our own cancellation state tells them apart.
    co_await timer_.async_wait(use_tuple);
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        co_return asio::error::operation_aborted;
    co_return error_code{};
}

} // namespace relay
