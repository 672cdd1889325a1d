#include "agent/status/client.hpp"

#include "common/async/run_alone.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace relay::status {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::uint64_t largest_answer = 4 * 1024 * 1024;

error_code plain(error_code ec)
{
    if (ec == beast::error::timeout)
        return asio::error::timed_out;
    if (ec.category() == http::make_error_code(http::error::bad_method).category())
        return errc::protocol_violation;
    return ec;
}

task<result<fetched>> ask(asio::ip::tcp::endpoint where, http::request<http::empty_body> request,
                          std::chrono::milliseconds limit)
{
    beast::tcp_stream stream(co_await asio::this_coro::executor);
    stream.expires_after(limit); // for all of it
    const auto [refused] = co_await stream.async_connect(where, use_tuple);
    if (refused)
        co_return plain(refused);
    const auto [write_error, written] = co_await http::async_write(stream, request, use_tuple);
    if (write_error)
        co_return plain(write_error);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(largest_answer);
    const auto [read_error, taken] = co_await http::async_read(stream, buffer, parser, use_tuple);
    if (read_error)
        co_return plain(read_error);
    co_return fetched{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

} // namespace

result<fetched> fetch(const config::loopback_endpoint& where, std::string_view path, milliseconds limit)
{
    error_code ec;
    const auto address = asio::ip::make_address(where.address, ec);
    if (ec)
        return ec;
    const auto port = std::to_string(where.port);
    http::request<http::empty_body> request(http::verb::get, beast::string_view(path.data(), path.size()),
                                            11);
    request.set(http::field::host,
                address.is_v6() ? "[" + where.address + "]:" + port : where.address + ":" + port);
    request.keep_alive(false);

    return run_alone(ask({address, where.port}, std::move(request), limit));
}

} // namespace relay::status
