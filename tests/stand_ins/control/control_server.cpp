#include "tests/stand_ins/control/control_server.hpp"

#include "common/async/task_group.hpp"
#include "tests/stand_ins/control/loopback.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/serialize.hpp>

namespace relay::stand_in {
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {

constexpr auto longest_idle = 10min; // a test program that stops in a debugger keeps its connection
constexpr auto longest_write = 30s;

task<void> serve(const routes& table, tcp::socket socket)
{
    beast::tcp_stream stream(std::move(socket));
    beast::flat_buffer buffer;
    for (;;) {
        http::request_parser<http::string_body> parser;
        parser.body_limit(largest_control_body);
        parser.header_limit(64u << 10);
        stream.expires_after(longest_idle);
        const auto [read_error, taken] = co_await http::async_read(stream, buffer, parser, use_tuple);
        http::response<http::string_body> response;
        response.version(11);
        response.set(http::field::content_type, "application/json");
        if (read_error == http::error::body_limit) {
            response.result(http::status::payload_too_large);
            response.keep_alive(false);
        } else if (read_error) {
            co_return;
        } else {
            auto& request = parser.get();
            stream.expires_never();
            auto reply = co_await table.answer(std::string(request.method_string()),
                                               std::string(request.target()), std::move(request.body()));
            response.result(static_cast<unsigned>(reply.status));
            response.keep_alive(request.keep_alive());
            if (!reply.body.is_null())
                response.body() = json::serialize(reply.body);
        }
        response.prepare_payload();
        stream.expires_after(longest_write);
        const auto [write_error, written] = co_await http::async_write(stream, response, use_tuple);
        if (write_error || !response.keep_alive())
            co_return;
    }
}

} // namespace

struct control_server::impl {
    explicit impl(asio::io_context& context) : acceptor(context), connections(context.get_executor()) {}

    stand_in::routes table;
    tcp::acceptor acceptor;
    task_group connections;
};

control_server::control_server(asio::io_context& context) : impl_(std::make_unique<impl>(context)) {}
control_server::~control_server() = default;

routes& control_server::routes() noexcept
{
    return impl_->table;
}

result<void> control_server::listen(std::string_view address)
{
    const auto endpoint = parse_loopback(address);
    if (!endpoint)
        return endpoint.error();
    return listen_on(impl_->acceptor, *endpoint);
}

std::string control_server::url() const
{
    return "http://" + endpoint_text(impl_->acceptor.local_endpoint());
}

task<void> control_server::run()
{
    co_await asio::this_coro::throw_if_cancelled(false);
    while (impl_->acceptor.is_open()) {
        auto [ec, socket] = co_await impl_->acceptor.async_accept(use_tuple);
        if (ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor)
            break;
        if (ec || impl_->connections.size() >= most_control_connections)
            continue;
        socket.set_option(tcp::no_delay(true), ec);
        impl_->connections.spawn(serve(impl_->table, std::move(socket)));
    }
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    error_code ignored;
    impl_->acceptor.close(ignored);
    impl_->connections.stop();
    co_await impl_->connections.join();
}

void control_server::stop()
{
    error_code ignored;
    impl_->acceptor.close(ignored);
}

} // namespace relay::stand_in
