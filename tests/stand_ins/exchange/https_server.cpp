#include "tests/stand_ins/exchange/https_server.hpp"

#include "common/async/task_group.hpp"
#include "tests/stand_ins/control/loopback.hpp"
#include "tests/stand_ins/exchange/https_session.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <unordered_set>

namespace relay::exchange_sim {

using asio::ip::tcp;

struct https_server::impl {
    impl(asio::io_context& context, asio::ssl::context t, ews_endpoint& e, const product& server)
        : tls(std::move(t)),
          endpoint(e),
          headers(server),
          acceptor(context),
          connections(context.get_executor()),
          tick(context)
    {
    }

    task<void> serve(tcp::socket socket);
    // Closes connections whose time is up. One timer for all of them is much cheaper than one each.
    task<void> sweep();

    asio::ssl::context tls;
    ews_endpoint& endpoint;
    server_headers headers;
    tcp::acceptor acceptor;
    task_group connections;
    asio::steady_timer tick;
    std::unordered_set<https_session*> sessions;
    std::uint64_t count = 0;
};

task<void> https_server::impl::serve(tcp::socket socket)
{
    https_session session(std::move(socket), tls, endpoint, headers);
    sessions.insert(&session);
    struct removal {
        impl& self;
        https_session* session;
        ~removal() { self.sessions.erase(session); }
    } removed{*this, &session};
    co_await session.run();
}

task<void> https_server::impl::sweep()
{
    for (;;) {
        tick.expires_after(1s);
        co_await tick.async_wait(use_tuple);
        const auto now = std::chrono::steady_clock::now();
        for (auto* session : sessions)
            session->close_if_due(now);
    }
}

https_server::https_server(asio::io_context& context, asio::ssl::context tls, ews_endpoint& endpoint,
                           const product& server)
    : impl_(std::make_unique<impl>(context, std::move(tls), endpoint, server))
{
}

https_server::~https_server() = default;

result<void> https_server::listen(std::string_view address)
{
    const auto endpoint = stand_in::parse_loopback(address);
    if (!endpoint)
        return endpoint.error();
    return stand_in::listen_on(impl_->acceptor, *endpoint);
}

std::uint16_t https_server::port() const
{
    return impl_->acceptor.local_endpoint().port();
}

task<void> https_server::run()
{
    co_await asio::this_coro::throw_if_cancelled(false);
    impl_->connections.spawn(impl_->sweep());
    while (impl_->acceptor.is_open()) {
        auto [ec, socket] = co_await impl_->acceptor.async_accept(use_tuple);
        if (ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor)
            break;
        if (ec || impl_->connections.size() > most_connections)
            continue;
        socket.set_option(tcp::no_delay(true), ec);
        ++impl_->count;
        impl_->connections.spawn(impl_->serve(std::move(socket)));
    }
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    stop();
    co_await impl_->connections.join();
}

void https_server::stop()
{
    error_code ignored;
    impl_->acceptor.close(ignored);
    impl_->connections.stop();
    for (auto* session : impl_->sessions)
        session->close();
}

std::uint64_t https_server::connections() const noexcept
{
    return impl_->count;
}

std::uint64_t https_server::open_connections() const noexcept
{
    return impl_->sessions.size();
}

} // namespace relay::exchange_sim
