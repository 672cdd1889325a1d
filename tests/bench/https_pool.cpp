#include "tests/bench/https_pool.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace relay::bench {

namespace beast = boost::beast;
using asio::ip::tcp;

struct https_pool::tls {
    asio::ssl::context context{asio::ssl::context::tls_client};
};

struct https_pool::connection {
    connection(asio::any_io_executor executor, asio::ssl::context& context)
        : stream(std::move(executor), context)
    {
    }
    asio::ssl::stream<tcp::socket> stream;
    beast::flat_buffer buffer;
};

https_pool::https_pool(const asio::any_io_executor& executor, pool_settings settings)
    : settings_(std::move(settings)),
      tls_(std::make_unique<tls>()),
      freed_(executor)
{
    tls_->context.load_verify_file(settings_.ca_file);
    tls_->context.set_verify_mode(asio::ssl::verify_peer);
}

https_pool::~https_pool() = default;

task<std::unique_ptr<https_pool::connection>> https_pool::dial()
{
    const auto executor = co_await asio::this_coro::executor;
    auto c = std::make_unique<connection>(executor, tls_->context);
    tcp::resolver resolver(executor);
    const auto addresses =
        co_await resolver.async_resolve(settings_.host, settings_.port, asio::use_awaitable);
    co_await asio::async_connect(c->stream.next_layer(), addresses, asio::use_awaitable);
    c->stream.next_layer().set_option(tcp::no_delay(true));
    c->stream.set_verify_callback(asio::ssl::host_name_verification(settings_.host));
    co_await c->stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
    co_return c;
}

task<http::outcome> https_pool::perform(http::request r)
{
    while (idle_.empty() && open_ >= settings_.connections)
        co_await freed_.wait();
    std::unique_ptr<connection> c;
    if (idle_.empty()) {
        ++open_;
        c = co_await dial();
    } else {
        c = std::move(idle_.back());
        idle_.pop_back();
    }

    beast::http::request<beast::http::string_body> request{beast::http::verb::post, settings_.target, 11};
    request.set(beast::http::field::host, settings_.host);
    request.set(beast::http::field::content_type, "text/xml; charset=utf-8");
    request.set(beast::http::field::authorization, settings_.authorization);
    for (const auto& [name, value] : r.headers)
        request.set(name, value);
    request.body() = std::move(r.body);
    request.prepare_payload();
    beast::http::response<beast::http::string_body> response;
    co_await beast::http::async_write(c->stream, request, asio::use_awaitable);
    co_await beast::http::async_read(c->stream, c->buffer, response, asio::use_awaitable);

    http::response answer;
    answer.status = static_cast<int>(response.result_int());
    answer.content_type = std::string(response[beast::http::field::content_type]);
    answer.body = std::move(response.body());
    if (response.keep_alive())
        idle_.push_back(std::move(c));
    else
        --open_;
    freed_.notify();
    co_return answer;
}

} // namespace relay::bench
