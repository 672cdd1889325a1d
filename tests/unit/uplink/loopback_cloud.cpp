#include "tests/unit/uplink/loopback_cloud.hpp"

#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>

namespace relay::test {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using tls_stream = ssl::stream<tcp::socket>;

task<void> for_ever()
{
    asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    co_await timer.async_wait(use_tuple);
}

class beast_link final : public server_link {
public:
    beast_link(tcp::socket socket, ssl::context& context) : ws(std::move(socket), context) {}

    task<std::string> read() override
    {
        std::string text;
        auto buffer = asio::dynamic_buffer(text);
        const auto [ec, size] = co_await ws.async_read(buffer, use_tuple);
        co_return ec.failed() ? std::string() : text;
    }
    task<void> send(std::string text) override
    {
        ws.text(true);
        co_await ws.async_write(asio::buffer(text), use_tuple);
    }
    task<void> send_binary(std::string bytes) override
    {
        ws.binary(true);
        co_await ws.async_write(asio::buffer(bytes), use_tuple);
    }
    task<void> close(std::uint16_t code, std::string reason) override
    {
        websocket::close_reason why;
        why.code = code;
        why.reason.append(reason.data(), reason.size());
        co_await ws.async_close(why, use_tuple);
    }
    task<void> send_raw(std::string bytes) override
    {
        co_await asio::async_write(ws.next_layer(), asio::buffer(bytes), use_tuple);
    }
    void cut() override
    {
        beast::get_lowest_layer(ws).set_option(asio::socket_base::linger(true, 0));
        beast::get_lowest_layer(ws).close();
    }
    std::uint16_t closed_with() const override { return ws.reason().code; }
    bool deflates() const override { return deflate; }

    websocket::stream<tls_stream> ws;
    bool deflate = false;
};

} // namespace

loopback_cloud::loopback_cloud(asio::io_context& context, cloud_manner manner)
    : manner_(std::move(manner)),
      acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
      connections_(context.get_executor())
{
    connections_.spawn(accept());
}

loopback_cloud::~loopback_cloud() = default;

task<void> loopback_cloud::accept()
{
    for (;;) {
        auto [ec, socket] = co_await acceptor_.async_accept(use_tuple);
        if (ec.failed())
            co_return;
        connections_.spawn(handle(std::move(socket)));
    }
}

task<void> loopback_cloud::handle(tcp::socket socket)
{
    if (!manner_.garbage_before_tls.empty())
        co_await asio::async_write(socket, asio::buffer(manner_.garbage_before_tls), use_tuple);
    if (manner_.hangs_before_tls)
        co_await for_ever();
    ssl::context context(ssl::context::tls_server);
    context.use_certificate_chain_file(manner_.identity.certificate.string());
    context.use_private_key_file(manner_.identity.key.string(), ssl::context::pem);
    if (manner_.only_tls_1_2)
        SSL_CTX_set_max_proto_version(context.native_handle(), TLS1_2_VERSION);
    if (!manner_.client_ca.empty()) {
        context.load_verify_file(manner_.client_ca.string());
        context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    }
    beast_link link(std::move(socket), context);
    auto& ws = link.ws;
    const auto [refused] = co_await ws.next_layer().async_handshake(ssl::stream_base::server, use_tuple);
    if (refused.failed())
        co_return;
    if (manner_.hangs_before_upgrade)
        co_await for_ever();

    beast::flat_buffer buffer;
    http::request<http::string_body> request;
    const auto [unread, size] = co_await http::async_read(ws.next_layer(), buffer, request, use_tuple);
    if (unread.failed())
        co_return;
    seen_user_agent = std::string(request[http::field::user_agent]);
    seen_target = std::string(request.target());
    seen_host = std::string(request[http::field::host]);
    if (!manner_.answer.empty()) {
        co_await asio::async_write(ws.next_layer(), asio::buffer(manner_.answer), use_tuple);
        co_return;
    }
    websocket::permessage_deflate deflate;
    deflate.server_enable = true;
    ws.set_option(deflate);
    ws.set_option(websocket::stream_base::decorator([this](websocket::response_type& answer) {
        if (!manner_.subprotocol.empty())
            answer.set(http::field::sec_websocket_protocol, manner_.subprotocol);
        answer.set(http::field::date, "Sun, 22 Nov 2026 10:00:00 GMT");
    }));
    const auto [failed] = co_await ws.async_accept(request, use_tuple);
    if (failed.failed())
        co_return;
    link.deflate =
        request[http::field::sec_websocket_extensions].find("permessage-deflate") != beast::string_view::npos;
    if (manner_.serve) {
        co_await manner_.serve(link);
    } else {
        std::string text;
        do {
            text = co_await link.read();
        } while (!text.empty());
    }
    closed_with = link.closed_with();
}

loopback_proxy::loopback_proxy(asio::io_context& context, std::string answer, bool hangs)
    : answer_(std::move(answer)),
      hangs_(hangs),
      acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
      connections_(context.get_executor())
{
    connections_.spawn(accept());
}

task<void> loopback_proxy::accept()
{
    for (;;) {
        auto [ec, socket] = co_await acceptor_.async_accept(use_tuple);
        if (ec.failed())
            co_return;
        connections_.spawn(handle(std::move(socket)));
    }
}

namespace {

task<error_code> relay_bytes(tcp::socket& from, tcp::socket& to)
{
    std::string bytes(16 * 1024, '\0');
    for (;;) {
        const auto [ec, size] = co_await from.async_read_some(asio::buffer(bytes), use_tuple);
        if (ec.failed())
            co_return ec;
        const auto [gone, sent] = co_await asio::async_write(to, asio::buffer(bytes.data(), size), use_tuple);
        if (gone.failed())
            co_return gone;
    }
}

} // namespace

task<void> loopback_proxy::handle(tcp::socket socket)
{
    using namespace asio::experimental::awaitable_operators;
    seen.clear();
    const auto [ec, size] =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(seen, 8192), "\r\n\r\n", use_tuple);
    if (ec.failed())
        co_return;
    if (hangs_)
        co_await for_ever();
    if (!answer_.empty()) {
        co_await asio::async_write(socket, asio::buffer(answer_), use_tuple);
        // Lets the other end read it: closing at once with unread bytes would be a reset.
        socket.shutdown(tcp::socket::shutdown_send);
        char rest[64];
        co_await socket.async_read_some(asio::buffer(rest), use_tuple);
        co_return;
    }
    // "CONNECT localhost:PORT HTTP/1.1": always to this machine.
    const auto colon = seen.find(':');
    const auto port = static_cast<std::uint16_t>(std::stoi(seen.substr(colon + 1)));
    tcp::socket target(co_await asio::this_coro::executor);
    const auto [unreachable] =
        co_await target.async_connect({asio::ip::address_v4::loopback(), port}, use_tuple);
    if (unreachable.failed())
        co_return;
    static const std::string established = "HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n";
    co_await asio::async_write(socket, asio::buffer(established), use_tuple);
    co_await (relay_bytes(socket, target) || relay_bytes(target, socket));
}

} // namespace relay::test
