#include "agent/uplink/websocket_link.hpp"

#include "agent/protocol/messages.hpp"
#include "agent/uplink/wording.hpp"
#include "common/async/notifier.hpp"

#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <array>

namespace relay::uplink {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;

using stream_type = websocket::stream<corked_stream>;

constexpr duration close_limit = 3s; // for telling the peer why we leave, before we leave anyway
constexpr std::size_t most_drained = 64 * 1024 * 1024; // of what a peer still sends meanwhile

bool is_websocket_error(error_code ec)
{
    return ec.category() == websocket::make_error_code(websocket::error::closed).category();
}

// Deflate pays only for larger frames, and its default windows cost more memory than all the rest of an idle link.
websocket::permessage_deflate small_deflate()
{
    websocket::permessage_deflate deflate;
    deflate.client_enable = true;
    deflate.server_enable = false;
    deflate.client_max_window_bits = 12;
    deflate.server_max_window_bits = 12;
    deflate.memLevel = 4;
    deflate.compLevel = 4;
    deflate.msg_size_threshold = 1024;
    return deflate;
}

class websocket_link final : public link {
public:
    websocket_link(time_source& time, tls_stream below, std::string where)
        : time_(time),
          where_(std::move(where)),
          context_(std::move(below.context)),
          check_(std::move(below.check)),
          core_(std::move(below.core)),
          ws_(core_),
          read_ended_(core_->tls.get_executor()),
          arrived_(time.now())
    {
        ws_.set_option(small_deflate());
        ws_.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                       websocket::stream_base::none(), false});
        ws_.auto_fragment(false);
        ws_.write_buffer_bytes(corked_stream::one_write);
        ws_.read_message_max(protocol::default_max_message_bytes);
        ws_.text(true);
        ws_.control_callback([this](websocket::frame_type kind, beast::string_view payload) {
            arrived_ = time_.now();
            if (kind == websocket::frame_type::pong && pinged_at_ && payload == std::to_string(pings_)) {
                round_trip_ = arrived_ - *pinged_at_;
                pinged_at_.reset();
            }
        });
    }

    task<outcome<void>> upgrade(const web_url& address, std::string user_agent,
                                std::optional<utc_time>& server_time);

    task<outcome<std::string>> read() override;
    task<outcome<std::string>> read_frame();
    task<outcome<void>> write(std::span<const std::string> frames) override;
    task<outcome<void>> ping() override;
    task<void> close(close_code code, std::string reason) override;
    void abort() noexcept override
    {
        error_code ignored; // there is nobody left to tell
        beast::get_lowest_layer(ws_).socket().close(ignored);
    }
    void limit_frames(std::size_t most) override { ws_.read_message_max(most); }
    steady_time last_arrival() const noexcept override { return arrived_; }
    std::optional<duration> round_trip() const noexcept override { return round_trip_; }

private:
    failed explain(error_code ec);
    task<void> close_in_time(websocket::close_code code);
    task<void> see_out();
    task<void> drain();
    task<void> wait_for_reader();

    time_source& time_;
    std::string where_;
    tls::context_ptr context_;
    std::unique_ptr<tls::peer_check> check_;
    std::shared_ptr<corked_stream::core> core_;
    stream_type ws_;
    notifier read_ended_;  // with a failure
    bool reading_ = false; // and has not failed
    steady_time arrived_;
    bool closing_ = false; // by us: close() took over what read() did
    std::uint64_t pings_ = 0;
    std::optional<steady_time> pinged_at_; // of the last ping, while its pong is due
    std::optional<duration> round_trip_;
};

error_code refusal(const websocket::response_type& answer)
{
    const auto status = answer.result();
    if (status == http::status::unauthorized || status == http::status::forbidden)
        return error_code(asio::error::access_denied);
    return http::to_status_class(status) == http::status_class::server_error
               ? make_error_code(errc::link_closed)
               : make_error_code(errc::protocol_violation);
}

task<outcome<void>> websocket_link::upgrade(const web_url& address, std::string user_agent,
                                            std::optional<utc_time>& server_time)
{
    ws_.set_option(websocket::stream_base::decorator([user_agent](websocket::request_type& request) {
        request.set(http::field::user_agent, user_agent);
        request.set(http::field::sec_websocket_protocol,
                    beast::string_view(protocol::subprotocol.data(), protocol::subprotocol.size()));
    }));
    websocket::response_type answer;
    // Port 443 goes without saying (RFC 9112, section 3.2), and some gateways route by the bare name.
    const auto host = address.port == 443 ? address.authority().substr(0, address.authority().rfind(':'))
                                          : address.authority();
    const auto [ec] = co_await ws_.async_handshake(answer, host, address.target, use_tuple);
    const auto date = answer[http::field::date];
    server_time = parse_http_date({date.data(), date.size()});
    if (ec == websocket::error::upgrade_declined)
        co_return failed{step::upgrade, refusal(answer),
                         where_ + " refuses the WebSocket upgrade: it answers " +
                             std::to_string(answer.result_int()) + " " +
                             printable({answer.reason().data(), answer.reason().size()})};
    if (ec.failed() && is_websocket_error(ec))
        co_return failed{step::upgrade, errc::protocol_violation,
                         where_ + " does not answer as a WebSocket: " + ec.message()};
    if (ec == http::error::end_of_stream || ec == asio::error::eof ||
        ec == asio::ssl::error::stream_truncated)
        co_return failed{step::upgrade, errc::link_closed,
                         where_ + " closed the connection instead of upgrading it"};
    if (ec.failed() && ec.category() != asio::error::get_ssl_category())
        co_return failed{step::upgrade, ec,
                         "the connection to " + where_ + " broke during the upgrade: " + ec.message()};
    if (ec.failed()) {
        const auto why = check_->explain(ec);
        co_return failed{step::upgrade, why.code, where_ + ": " + why.message};
    }
    const auto chosen = answer[http::field::sec_websocket_protocol];
    if (std::string_view(chosen.data(), chosen.size()) != protocol::subprotocol) {
        co_await close_in_time(websocket::close_code::protocol_error);
        co_return failed{step::upgrade, errc::protocol_violation,
                         where_ + " does not select the subprotocol " + std::string(protocol::subprotocol)};
    }
    arrived_ = time_.now();
    co_return outcome<void>();
}

task<outcome<std::string>> websocket_link::read()
{
    reading_ = true;
    auto frame = co_await read_frame();
    if (frame.has_error()) {
        reading_ = false;
        read_ended_.notify();
    }
    co_return frame;
}

task<outcome<std::string>> websocket_link::read_frame()
{
    std::string frame;
    asio::dynamic_string_buffer<char, std::char_traits<char>, std::allocator<char>> buffer(frame);
    do {
        const auto [ec, bytes] = co_await ws_.async_read_some(buffer, 0, use_tuple);
        arrived_ = time_.now();
        if (ec.failed()) {
            const auto why = explain(ec);
            if (is_websocket_error(ec) && ec != websocket::error::closed)
                co_await see_out();
            co_return why;
        }
        if (!ws_.got_text()) {
            co_await close_in_time(websocket::close_code::unknown_data);
            co_await see_out();
            co_return failed{step::serving, errc::protocol_violation, where_ + " sent a binary frame"};
        }
    } while (!ws_.is_message_done());
    co_return frame;
}

task<outcome<void>> websocket_link::write(std::span<const std::string> frames)
{
    core_->corked = frames.size() > 1;
    error_code failure;
    for (const auto& frame : frames) {
        const auto [ec, bytes] = co_await ws_.async_write(asio::buffer(frame), use_tuple);
        if (ec.failed()) {
            failure = ec;
            break;
        }
    }
    ws_.next_layer().uncork();
    if (!failure.failed()) {
        const auto [ec] = co_await ws_.next_layer().async_flush(use_tuple);
        failure = ec;
    }
    if (failure.failed()) {
        co_await wait_for_reader();
        co_return explain(failure);
    }
    co_return outcome<void>();
}

task<outcome<void>> websocket_link::ping()
{
    websocket::ping_data payload;
    payload.append(std::to_string(++pings_));
    pinged_at_ = time_.now();
    const auto [ec] = co_await ws_.async_ping(payload, use_tuple);
    if (ec.failed())
        co_return explain(ec);
    co_return outcome<void>();
}

task<void> websocket_link::close(close_code code, std::string reason)
{
    websocket::close_reason why;
    why.code = static_cast<std::uint16_t>(code);
    const auto text = utf8_prefix(reason, 100); // a control frame holds 125 bytes
    why.reason.append(text.data(), text.size());
    closing_ = true;
    co_await ws_.async_close(why, use_tuple);
}

task<void> websocket_link::close_in_time(websocket::close_code code)
{
    using namespace asio::experimental::awaitable_operators;
    const auto closing = [&]() -> task<error_code> {
        co_return std::get<0>(co_await ws_.async_close(code, use_tuple));
    };
    const auto patience = [&]() -> task<error_code> {
        const auto ec = co_await time_.sleep_for(close_limit);
        abort();
        co_return ec;
    };
    co_await (closing() || patience());
}

// After our close frame. A socket that is closed with something unread in it resets the connection, and the reset may overtake
// the close frame: the peer would never learn the code. So what a peer still sends is taken and thrown away, until it is done.
task<void> websocket_link::see_out()
{
    using namespace asio::experimental::awaitable_operators;
    error_code ignored; // where the peer is gone there is nobody to see out
    beast::get_lowest_layer(ws_).socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    co_await (drain() || time_.sleep_for(close_limit));
}

task<void> websocket_link::drain()
{
    std::array<char, 16 * 1024> rest;
    std::size_t drained = 0;
    while (drained < most_drained) {
        const auto [ec, bytes] =
            co_await beast::get_lowest_layer(ws_).socket().async_read_some(asio::buffer(rest), use_tuple);
        if (ec.failed())
            co_return;
        drained += bytes;
    }
}

// A write fails at once where the reader ends the link, and whoever hears of that drops the connection: but not before the
// reader has seen the peer out.
task<void> websocket_link::wait_for_reader()
{
    using namespace asio::experimental::awaitable_operators;
    const auto ended = [this]() -> task<error_code> {
        error_code ec;
        while (reading_ && !ec.failed())
            ec = co_await read_ended_.wait();
        co_return ec;
    };
    co_await (ended() || time_.sleep_for(2 * close_limit));
}

failed websocket_link::explain(error_code ec)
{
    if (ec == websocket::error::closed) {
        const auto& why = ws_.reason();
        const auto text = printable({why.reason.data(), why.reason.size()});
        return {step::serving, errc::link_closed,
                where_ + " closed the link (" + std::to_string(why.code) +
                    (text.empty() ? ")" : " " + text + ")")};
    }
    if (closing_ && ec == asio::error::operation_aborted)
        return {step::serving, errc::link_closed, "we closed the link to " + where_};
    if (ec == websocket::error::message_too_big)
        return {step::serving, errc::frame_too_large, where_ + " sent a frame over the agreed size"};
    if (is_websocket_error(ec))
        return {step::serving, errc::protocol_violation,
                where_ + " broke the WebSocket protocol: " + ec.message()};
    if (ec == asio::error::eof || ec == asio::ssl::error::stream_truncated)
        return {step::serving, asio::error::eof, where_ + " dropped the connection"};
    if (ec.category() == asio::error::get_ssl_category()) {
        const auto why = check_->explain(ec);
        return {step::serving, why.code, where_ + ": " + why.message};
    }
    return {step::serving, ec, "the connection to " + where_ + " broke: " + ec.message()};
}

} // namespace

task<outcome<link_ptr>> upgrade(time_source& time, tls_stream stream, web_url address, std::string user_agent,
                                std::optional<utc_time>& server_time)
{
    auto made = std::make_unique<websocket_link>(time, std::move(stream), address.authority());
    const auto done = co_await made->upgrade(address, std::move(user_agent), server_time);
    if (done.has_error())
        co_return done.error();
    co_return link_ptr(std::move(made));
}

} // namespace relay::uplink
