#include "tests/stand_ins/cloud/wss_link.hpp"

#include "common/async/notifier.hpp"
#include "tests/stand_ins/cloud/gated_stream.hpp"

#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include <ctime>
#include <deque>

namespace relay::cloud_sim {
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;

namespace {

constexpr std::string_view subprotocol = "workestra.relay.v1";
constexpr std::string_view connect_path = "/v1/connect";
constexpr std::size_t largest_frame =
    64u << 20; // far over max_message_bytes: too large is for the checker to say
constexpr std::size_t most_waiting_frames = 500'000;

std::optional<client_certificate> certificate_of(SSL* tls)
{
    X509* certificate = SSL_get1_peer_certificate(tls);
    if (!certificate)
        return std::nullopt;
    char text[256] = {};
    const int length =
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text, sizeof text);
    client_certificate found{std::string(text, length > 0 ? static_cast<std::size_t>(length) : 0),
                             X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0};
    X509_free(certificate);
    return found;
}

bool offers_subprotocol(const http::request<http::string_body>& request)
{
    for (const auto& token : http::token_list(request[http::field::sec_websocket_protocol]))
        if (std::string_view(token) == subprotocol)
            return true;
    return false;
}

// "Sun, 22 Nov 2026 10:00:00 GMT" (RFC 9110, section 5.6.7), in the C locale.
std::string http_date(std::time_t t)
{
    std::tm parts{};
    gmtime_r(&t, &parts);
    std::string text(40, '\0');
    text.resize(std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts));
    return text;
}

} // namespace

struct wss_link::impl {
    using tls_stream = asio::ssl::stream<gated_stream>;

    impl(asio::ip::tcp::socket socket, asio::ssl::context& tls)
        : stream(std::move(socket), tls),
          work(stream.get_executor())
    {
    }

    gated_stream& tcp() { return stream.next_layer().next_layer(); }
    task<error_code> handshake(const options& o);
    task<error_code> refuse(http::status status, std::string_view code);
    task<void> answer(http::status status, std::string body);
    task<error_code> serve_desk(const options& o, const http::request<http::string_body>& request);

    websocket::stream<tls_stream> stream;
    beast::flat_buffer buffer;
    std::optional<client_certificate> client;
    std::string name; // of `client`
    std::string date; // as this end's clock has it
    bool deflated = false;
    std::optional<std::uint16_t> peer_code;
    std::function<void()> pinged;

    struct outgoing {
        std::string text;
        frame_format format;
    };
    std::deque<outgoing> waiting;
    std::optional<std::uint16_t> closing; // close with it when all is sent
    bool ended = false;
    notifier work;
};

task<void> wss_link::impl::answer(http::status status, std::string body)
{
    http::response<http::string_body> response(status, 11);
    response.set(http::field::content_type, "application/json");
    response.set(http::field::date, date);
    response.body() = std::move(body);
    response.keep_alive(false);
    response.prepare_payload();
    co_await http::async_write(stream.next_layer(), response, use_tuple);
    tcp().end(gated_stream::ending::close);
}

task<error_code> wss_link::impl::refuse(http::status status, std::string_view code)
{
    co_await answer(status, "{\"code\":\"" + std::string(code) + "\",\"message\":\"this is /v1/connect\"}");
    co_return errc::protocol_violation;
}

task<error_code> wss_link::impl::serve_desk(const options& o, const http::request<http::string_body>& request)
{
    constexpr auto longest_hang = 10min; // whoever accepts us has less patience
    const desk_request asked{std::string(request.target()), request.body(), client};
    auto reply = o.desk(asked);
    if (reply.how == desk_reply::manner::hang)
        co_await o.time->sleep_for(longest_hang);
    if (reply.how == desk_reply::manner::answer)
        co_await answer(static_cast<http::status>(reply.status), std::move(reply.body));
    else
        tcp().end(gated_stream::ending::reset);
    co_return asio::error::eof;
}

task<error_code> wss_link::impl::handshake(const options& o)
{
    auto [ec] = co_await stream.next_layer().async_handshake(asio::ssl::stream_base::server, use_tuple);
    if (ec)
        co_return ec;
    date = http_date(std::time(nullptr) + o.clock_skew.count());
    client = certificate_of(stream.next_layer().native_handle());
    name = client ? client->common_name : std::string();

    http::request_parser<http::string_body> parser;
    parser.header_limit(16u << 10);
    parser.body_limit(1u << 20);
    std::size_t count = 0;
    std::tie(ec, count) = co_await http::async_read(stream.next_layer(), buffer, parser, use_tuple);
    if (ec)
        co_return ec;
    const auto& request = parser.get();
    const bool for_desk = request.target() == "/v1/enroll" || request.target() == "/v1/renew";
    if (o.desk && for_desk && request.method() == http::verb::post)
        co_return co_await serve_desk(o, request);
    if (request.target() != connect_path || !websocket::is_upgrade(request))
        co_return co_await refuse(http::status::not_found, "not_found");
    if (!client || client->expired)
        co_return co_await refuse(http::status::unauthorized,
                                  client ? "certificate_expired" : "certificate_required");
    if (o.refuse_upgrade != 0)
        co_return co_await refuse(static_cast<http::status>(o.refuse_upgrade), "refused");
    if (!offers_subprotocol(request))
        co_return co_await refuse(http::status::bad_request, "no_subprotocol");

    websocket::permessage_deflate pmd;
    pmd.server_enable = o.deflate;
    pmd.msg_size_threshold = 1024; // small frames cost more time than they save
    pmd.compLevel = 1;
    stream.set_option(pmd);
    stream.set_option(websocket::stream_base::timeout{10s, websocket::stream_base::none(), false});
    stream.set_option(
        websocket::stream_base::decorator([this, select = o.select_subprotocol](websocket::response_type& r) {
            r.set(http::field::date, date);
            if (select)
                r.set(http::field::sec_websocket_protocol, subprotocol);
            deflated = r[http::field::sec_websocket_extensions].starts_with("permessage-deflate");
        }));
    stream.read_message_max(largest_frame);
    stream.control_callback([this](websocket::frame_type type, beast::string_view) {
        if (type == websocket::frame_type::ping && pinged)
            pinged();
    });
    std::tie(ec) = co_await stream.async_accept(request, use_tuple);
    co_return ec;
}

task<result<std::unique_ptr<wss_link>>> wss_link::accept(asio::ip::tcp::socket socket,
                                                         asio::ssl::context& tls, options o)
{
    auto i = std::make_unique<impl>(std::move(socket), tls);
    const auto ec = co_await i->handshake(o);
    if (ec)
        co_return ec;
    co_return std::unique_ptr<wss_link>(new wss_link(std::move(i)));
}

wss_link::wss_link(std::unique_ptr<impl> i) : impl_(std::move(i)) {}
wss_link::~wss_link() = default;

const std::string& wss_link::certificate_name() const
{
    return impl_->name;
}

bool wss_link::deflate() const
{
    return impl_->deflated;
}

task<result<wss_link::frame>> wss_link::read()
{
    auto& i = *impl_;
    i.buffer.clear();
    const auto [ec, count] = co_await i.stream.async_read(i.buffer, use_tuple);
    if (ec) {
        // Also where the connection broke off after the close frame: it was read all the same.
        if (const auto code = i.stream.reason().code; code != websocket::close_code::none)
            i.peer_code = code;
        if (ec == websocket::error::message_too_big)
            co_return errc::frame_too_large;
        if (ec == websocket::condition::protocol_violation)
            co_return errc::protocol_violation;
        co_return ec;
    }
    const auto data = i.buffer.cdata();
    co_return frame{i.stream.got_text() ? frame_format::text : frame_format::binary,
                    std::string_view(static_cast<const char*>(data.data()), data.size())};
}

std::optional<std::uint16_t> wss_link::close_code() const
{
    return impl_->peer_code;
}

void wss_link::on_ping(std::function<void()> f)
{
    impl_->pinged = std::move(f);
}

task<void> wss_link::write()
{
    auto& i = *impl_;
    while (!i.ended) {
        if (!i.waiting.empty()) {
            const auto next = std::move(i.waiting.front());
            i.waiting.pop_front();
            i.stream.text(next.format == frame_format::text);
            const auto [ec, count] = co_await i.stream.async_write(asio::buffer(next.text), use_tuple);
            if (ec)
                break;
        } else if (i.closing) {
            co_await i.stream.async_close(static_cast<websocket::close_code>(*i.closing), use_tuple);
            break;
        } else {
            const auto ec = co_await i.work.wait();
            if (ec)
                break;
        }
    }
    i.tcp().end(gated_stream::ending::close);
}

void wss_link::finish()
{
    impl_->ended = true;
    impl_->work.notify();
}

void wss_link::send(std::string text, frame_format format)
{
    if (impl_->ended || impl_->closing)
        return;
    if (impl_->waiting.size() >= most_waiting_frames)
        return cut();
    impl_->waiting.push_back({std::move(text), format});
    impl_->work.notify();
}

void wss_link::close(std::uint16_t code)
{
    if (!impl_->closing)
        impl_->closing = code;
    impl_->work.notify();
}

void wss_link::cut()
{
    impl_->ended = true;
    impl_->tcp().end(gated_stream::ending::reset);
    impl_->work.notify();
}

void wss_link::freeze(bool frozen)
{
    impl_->tcp().freeze(frozen);
}

} // namespace relay::cloud_sim
