#include "tests/unit/cloud_sim/scripted_agent.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <thread>

namespace relay::test {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
namespace json = boost::json;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

asio::ssl::context client_tls(const std::string& pki, const std::string& name)
{
    asio::ssl::context tls(asio::ssl::context::tls_client);
    tls.load_verify_file(pki + "/cloud-ca.crt");
    tls.use_certificate_chain_file(pki + '/' + name + ".crt");
    tls.use_private_key_file(pki + '/' + name + ".key", asio::ssl::context::pem);
    tls.set_verify_mode(asio::ssl::verify_peer);
    return tls;
}

} // namespace

struct scripted_agent::impl {
    explicit impl(asio::ssl::context t) : tls(std::move(t)) {}

    // Runs the loop until `done`, or the time is up.
    bool run_until(const bool& done, int limit_ms)
    {
        const auto deadline = std::chrono::steady_clock::now() + milliseconds(limit_ms);
        context.restart();
        while (!done && std::chrono::steady_clock::now() < deadline && !context.stopped())
            context.run_one_until(deadline);
        return done;
    }

    void start_read()
    {
        if (reading)
            return;
        reading = true;
        got = false;
        stream->async_read(buffer, [this](error_code ec, std::size_t) {
            reading = false;
            got = true;
            read_error = ec;
        });
    }

    asio::io_context context;
    asio::ssl::context tls;
    std::unique_ptr<websocket::stream<beast::ssl_stream<beast::tcp_stream>>> stream;
    beast::flat_buffer buffer;
    std::string selected;
    bool reading = false, got = false, ponged = false;
    error_code read_error;
};

scripted_agent::scripted_agent(const std::string& pki, const std::string& name)
    : impl_(std::make_unique<impl>(client_tls(pki, name)))
{
}

scripted_agent::~scripted_agent()
{
    if (!impl_->stream)
        return;
    beast::get_lowest_layer(*impl_->stream).close();
    impl_->context.restart();
    impl_->context.run_for(milliseconds(1000));
}

std::string scripted_agent::connect(const std::string& url, std::string_view offered)
{
    auto& i = *impl_;
    const auto colon = url.rfind(':');
    const auto port = std::stoi(url.substr(colon + 1));
    i.stream = std::make_unique<websocket::stream<beast::ssl_stream<beast::tcp_stream>>>(i.context, i.tls);
    error_code ec;
    auto& tcp = beast::get_lowest_layer(*i.stream);
    tcp.socket().connect({asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(port)}, ec);
    if (ec)
        return ec.message();
    i.stream->next_layer().handshake(asio::ssl::stream_base::client, ec);
    if (ec)
        return ec.message();
    websocket::permessage_deflate pmd;
    pmd.client_enable = true;
    i.stream->set_option(pmd);
    i.stream->set_option(websocket::stream_base::decorator([&](websocket::request_type& r) {
        if (!offered.empty())
            r.set(beast::http::field::sec_websocket_protocol, offered);
    }));
    i.stream->control_callback([this](websocket::frame_type type, beast::string_view) {
        impl_->ponged = impl_->ponged || type == websocket::frame_type::pong;
    });
    websocket::response_type response;
    i.stream->handshake(response, "localhost", url.substr(url.find('/', colon)), ec);
    i.selected = response[beast::http::field::sec_websocket_protocol];
    return ec ? ec.message() : std::string();
}

std::string scripted_agent::subprotocol() const
{
    return impl_->selected;
}

json::object scripted_agent::greet(const std::string& url, std::int64_t next_seq, std::int64_t unacked)
{
    const auto problem = connect(url);
    if (!problem.empty())
        return {{"type", problem}};
    send(json::serialize(json::object{
        {"type", "hello"},
        {"protocol", 1},
        {"agent", {{"id", "agent-1"}, {"name", "hq-1"}, {"version", "1"}, {"os", "linux"}, {"host", "h"}}},
        {"store",
         {{"id", "0f8fad5b-d9cb-469f-a165-70867728950e"}, {"next_seq", next_seq}, {"unacked", unacked}}},
        {"operations", {"event.create", "event.get"}},
        {"window", 64}}));
    return read().value_or(json::object{{"type", "nothing"}});
}

bool scripted_agent::send(std::string_view frame)
{
    error_code ec;
    impl_->stream->text(true);
    impl_->stream->write(asio::buffer(frame), ec);
    return !ec;
}

std::optional<json::object> scripted_agent::read(int limit_ms)
{
    auto& i = *impl_;
    if (!i.got)
        i.start_read();
    if (!i.run_until(i.got, limit_ms) || i.read_error)
        return std::nullopt;
    i.got = false;
    const auto frame = json::parse(beast::buffers_to_string(i.buffer.data())).as_object();
    i.buffer.clear();
    return frame;
}

bool scripted_agent::ended() const
{
    return impl_->got && impl_->read_error;
}

std::optional<std::uint16_t> scripted_agent::close_code() const
{
    if (impl_->read_error != websocket::error::closed)
        return std::nullopt;
    return impl_->stream->reason().code;
}

bool scripted_agent::ping(int limit_ms)
{
    auto& i = *impl_;
    i.ponged = false;
    error_code ec;
    i.stream->ping({}, ec);
    if (!i.got)
        i.start_read(); // pongs are seen by the reader
    i.run_until(i.ponged, limit_ms);
    return i.ponged;
}

void scripted_agent::close(std::uint16_t code)
{
    auto& i = *impl_;
    bool done = false;
    i.stream->async_close(static_cast<websocket::close_code>(code), [&](error_code) { done = true; });
    i.run_until(done, 5000);
}

} // namespace relay::test
