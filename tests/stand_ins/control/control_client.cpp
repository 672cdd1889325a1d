#include "tests/stand_ins/control/control_client.hpp"

#include "tests/stand_ins/control/control_server.hpp"
#include "tests/stand_ins/control/loopback.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace relay::stand_in {
namespace beast = boost::beast;
namespace http = beast::http;

struct control_client::impl {
    explicit impl(std::string u) : url(std::move(u)) {}

    task<result<control_reply>> exchange(http::request<http::string_body> request,
                                         std::chrono::milliseconds limit);

    std::string url;
    asio::io_context context{1};
    std::unique_ptr<beast::tcp_stream> stream; // null where there is no connection to use again
};

task<result<control_reply>> control_client::impl::exchange(http::request<http::string_body> request,
                                                           std::chrono::milliseconds limit)
{
    constexpr std::string_view scheme = "http://";
    const auto endpoint =
        parse_loopback(url.starts_with(scheme) ? std::string_view(url).substr(scheme.size()) : url);
    if (!endpoint)
        co_return endpoint.error();
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (bool reused = stream != nullptr;; reused = false) {
        if (!stream) {
            stream = std::make_unique<beast::tcp_stream>(context.get_executor());
            stream->expires_at(deadline);
            const auto [ec] = co_await stream->async_connect(*endpoint, use_tuple);
            if (ec)
                co_return ec == beast::error::timeout ? error_code(asio::error::timed_out) : ec;
            error_code ignored;
            stream->socket().set_option(asio::ip::tcp::no_delay(true), ignored);
        }
        stream->expires_at(deadline);
        auto [ec, count] = co_await http::async_write(*stream, request, use_tuple);
        beast::flat_buffer buffer;
        http::response_parser<http::string_body> parser;
        parser.body_limit(1u << 30);
        if (!ec)
            std::tie(ec, count) = co_await http::async_read(*stream, buffer, parser, use_tuple);
        if (ec && ec != beast::error::timeout && reused && !parser.got_some()) {
            stream.reset();
            continue;
        }
        if (ec)
            co_return ec == beast::error::timeout ? error_code(asio::error::timed_out) : ec;
        const auto& response = parser.get();
        control_reply reply{static_cast<int>(response.result_int()), nullptr};
        if (!response.body().empty())
            reply.body = json::parse(response.body(), ec);
        if (!response.keep_alive())
            stream.reset();
        if (ec)
            co_return errc::protocol_violation;
        co_return reply;
    }
}

control_client::control_client(std::string url) : impl_(std::make_unique<impl>(std::move(url))) {}
control_client::~control_client() = default;
control_client::control_client(control_client&&) noexcept = default;
control_client& control_client::operator=(control_client&&) noexcept = default;

result<control_reply> control_client::call(std::string_view method, std::string_view target,
                                           const json::value& body, std::chrono::milliseconds limit)
{
    http::request<http::string_body> request;
    request.version(11);
    request.method_string(method);
    request.target(target);
    request.set(http::field::host, "localhost");
    if (!body.is_null()) {
        request.set(http::field::content_type, "application/json");
        request.body() = json::serialize(body);
    }
    request.prepare_payload();
    result<control_reply> outcome = errc::not_found;
    std::exception_ptr failure;
    asio::co_spawn(impl_->context, impl_->exchange(std::move(request), limit),
                   [&](std::exception_ptr e, result<control_reply> r) {
                       failure = e;
                       outcome = std::move(r);
                   });
    impl_->context.restart();
    impl_->context.run();
    if (!outcome)
        impl_->stream.reset();
    if (failure)
        std::rethrow_exception(failure);
    return outcome;
}

} // namespace relay::stand_in
