#include "agent/exchange_access/permit_wait.hpp"

#include "common/async/notifier.hpp"

#include <boost/asio/this_coro.hpp>

namespace relay::exchange_access {

task<concurrency_limiter::permit> acquire_permit(concurrency_limiter& line, std::string mailbox)
{
    notifier called(co_await asio::this_coro::executor);
    auto mine =
        line.acquire(std::move(mailbox), protocol::operation_class::read, [&called] { called.notify(); });
    while (!mine.is_granted()) {
        const auto cancelled = co_await called.wait();
        if (cancelled)
            co_return concurrency_limiter::permit();
    }
    co_return mine;
}

} // namespace relay::exchange_access
