#include "tests/stand_ins/exchange/https_session.hpp"

#include "common/text/text.hpp"
#include "tests/stand_ins/exchange/ews_endpoint.hpp"
#include "tests/stand_ins/exchange/live_answer.hpp"
#include "tests/stand_ins/exchange/product.hpp"

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <array>
#include <cstdio>
#include <ctime>
#include <map>
#include <optional>
#include <random>

namespace relay::exchange_sim {
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {

constexpr auto longest_handshake = 10s;
constexpr auto longest_idle = 5min;
constexpr auto longest_answer = 15min; // hangs and delays are made of this
constexpr auto longest_write = 60s;    // for each piece
constexpr auto longest_stream = 40min; // between two envelopes of a stream
constexpr std::size_t filler_piece = 64u << 10;

constexpr std::string_view balancer_cookie = "BIGipServerEWS=";

affinity_wish affinity_of(const http::request<http::string_body>& request)
{
    const auto text = [&](std::string_view name) {
        const auto value = request[beast::string_view(name.data(), name.size())];
        return std::string(value.data(), value.size());
    };
    affinity_wish wish{text("X-AnchorMailbox"), ascii_iequals(text("X-PreferServerAffinity"), "true"),
                       text("X-BackEndOverrideCookie")};
    constexpr std::string_view name = "X-BackEndOverrideCookie=";
    const auto cookies = text("Cookie");
    if (const auto at = cookies.find(name); at != cookies.npos)
        wish.cookie = trim(std::string_view(cookies)
                               .substr(at + name.size())
                               .substr(0, cookies.find(';', at) == cookies.npos
                                              ? cookies.npos
                                              : cookies.find(';', at) - at - name.size()));
    return wish;
}

std::string chunk(std::string_view text)
{
    char size[24];
    const int length = std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    return std::string(size, static_cast<std::size_t>(length)).append(text).append("\r\n");
}

std::string date()
{
    const auto now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[64];
    return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

} // namespace

std::string server_headers::text() const
{
    std::string text = "Server: Microsoft-IIS/10.0\r\nX-Powered-By: ASP.NET\r\nCache-Control: private\r\n";
    if (!server_.build.empty())
        text.append("X-OWA-Version: ").append(server_.build).append("\r\n");
    return text;
}

struct https_session::impl {
    impl(tcp::socket socket, asio::ssl::context& tls, ews_endpoint& e, const server_headers& h)
        : stream(std::move(socket), tls),
          endpoint(e),
          headers(h),
          number(std::random_device{}())
    {
    }

    using parser = http::request_parser<http::string_body>;

    void due_in(duration length) { deadline = std::chrono::steady_clock::now() + length; }
    task<error_code> read(parser& request);
    task<bool> answer(parser& request);
    void choose_server(const http::request<http::string_body>& request);
    task<bool> send(const reply& r, std::string head, bool keep);
    task<bool> send_second(const reply& first, const parser& request);
    task<error_code> write(std::string_view bytes); // which outlive it
    task<bool> send_live(const reply& r, std::string head);
    task<void> pump(live_answer& live, bool& whole);
    task<void> client_leaves();
    task<void> hang();
    void reset();
    std::string head_of(const reply& r, const parser& request, bool keep);
    std::string next_request_id();

    asio::ssl::stream<tcp::socket> stream;
    ews_endpoint& endpoint;
    const server_headers& headers;
    beast::flat_buffer buffer;
    std::map<unsigned, connection_sign_in> sign_ins; // by the server behind the balancer
    unsigned server = 0;                             // that this request goes to
    bool cookie_due = false;                         // the balancer has yet to say so
    steady_time deadline = steady_time::max();
    unsigned number; // tells sessions apart in request ids
    unsigned answers = 0;
};

https_session::https_session(tcp::socket socket, asio::ssl::context& tls, ews_endpoint& endpoint,
                             const server_headers& headers)
    : impl_(std::make_unique<impl>(std::move(socket), tls, endpoint, headers))
{
}

https_session::~https_session() = default;

void https_session::close()
{
    error_code ignored;
    impl_->stream.next_layer().close(ignored);
}

void https_session::close_if_due(steady_time now)
{
    if (now >= impl_->deadline)
        close();
}

task<void> https_session::run()
{
    auto& self = *impl_;
    self.due_in(longest_handshake);
    const auto [handshake_error] =
        co_await self.stream.async_handshake(asio::ssl::stream_base::server, use_tuple);
    if (handshake_error)
        co_return;
    for (bool more = true; more;) {
        impl::parser request;
        const auto ec = co_await self.read(request);
        if (ec)
            co_return;
        more = co_await self.answer(request);
    }
}

task<error_code> https_session::impl::read(parser& request)
{
    request.body_limit(largest_request);
    request.header_limit(64u << 10);
    due_in(longest_idle);
    const auto [head_error, head_size] = co_await http::async_read_header(stream, buffer, request, use_tuple);
    if (head_error)
        co_return head_error;
    if (beast::iequals(request.get()[http::field::expect], "100-continue")) {
        const auto ec = co_await write("HTTP/1.1 100 Continue\r\n\r\n");
        if (ec)
            co_return ec;
    }
    if (request.is_done())
        co_return error_code{};
    due_in(longest_write);
    const auto [ec, size] = co_await http::async_read(stream, buffer, request, use_tuple);
    co_return ec;
}

// As a balancer does that looks at each request.
void https_session::impl::choose_server(const http::request<http::string_body>& request)
{
    auto& spread = endpoint.balancer();
    const auto header = request["Cookie"];
    const std::string_view cookies(header.data(), header.size());
    const auto at = cookies.find(balancer_cookie);
    if (spread.cookie && at != cookies.npos)
        server = static_cast<unsigned>(cookies[at + balancer_cookie.size()] - '0') % spread.servers;
    else
        server = spread.next++ % spread.servers;
    cookie_due = spread.cookie && at == cookies.npos;
}

task<bool> https_session::impl::answer(parser& parsed)
{
    auto& message = parsed.get();
    choose_server(message);
    const auto text = [](auto view) { return std::string_view(view.data(), view.size()); };
    due_in(longest_answer);
    // Named, as g++ 12 destroys an aggregate temporary of a co_await expression twice.
    http_request request{
        text(message.method_string()), text(message.target()), text(message[http::field::authorization]),
        std::move(message.body()),     affinity_of(message),   text(message["client-request-id"])};
    const auto r = co_await endpoint.answer(sign_ins[server], std::move(request));
    if (r.ending == ending::reset) {
        reset();
        co_return false;
    }
    if (r.ending == ending::hang) {
        co_await hang();
        co_return false;
    }
    const bool keep = message.keep_alive() && r.ending == ending::keep;
    auto head = head_of(r, parsed, keep);
    bool sent = false;
    if (r.live)
        sent = co_await send_live(r, std::move(head));
    else
        sent = co_await send(r, std::move(head), keep);
    if (sent && keep && r.then)
        sent = co_await send_second(r, parsed);
    co_return sent&& keep;
}

task<bool> https_session::impl::send_second(const reply& first, const parser& request)
{
    asio::steady_timer timer(stream.get_executor(), first.then_after);
    const auto [ec] = co_await timer.async_wait(use_tuple);
    if (ec)
        co_return false;
    auto head = head_of(*first.then, request, true);
    co_return co_await send(*first.then, std::move(head), true);
}

std::string https_session::impl::head_of(const reply& r, const parser& parsed, bool keep)
{
    const auto& request = parsed.get();
    std::string head = "HTTP/1.1 ";
    const auto reason = http::obsolete_reason(static_cast<http::status>(r.status));
    head.append(std::to_string(r.status)).append(" ").append(reason.data(), reason.size()).append("\r\n");
    head.append(headers.text()).append("X-FEServer: EX0").append(std::to_string(server + 1));
    if (cookie_due)
        head.append("\r\nSet-Cookie: ")
            .append(balancer_cookie)
            .append(std::to_string(server))
            .append("; path=/; Secure");
    head.append("\r\nDate: ").append(date());
    head.append("\r\nrequest-id: ").append(next_request_id()).append("\r\n");
    const auto wanted =
        request["return-client-request-id"] == "true" ? request["client-request-id"] : beast::string_view{};
    const auto id = r.echo.value_or(std::string(wanted.data(), wanted.size()));
    if (!id.empty())
        head.append("client-request-id: ").append(id).append("\r\n");
    for (const auto& [name, value] : r.headers)
        head.append(name).append(": ").append(value).append("\r\n");
    if (!r.body.empty() || r.live)
        head.append("Content-Type: ").append(r.content_type).append("\r\n");
    if (r.live || r.ending == ending::cut_chunks)
        head.append("Transfer-Encoding: chunked\r\n");
    else
        head.append("Content-Length: ")
            .append(std::to_string(r.body.size() + r.filler + r.tail.size()))
            .append("\r\n");
    return head.append(keep ? "\r\n" : "Connection: close\r\n\r\n");
}

// In the form of a GUID, as Exchange has it.
std::string https_session::impl::next_request_id()
{
    char text[40];
    const int length = std::snprintf(text, sizeof text, "%08x-0000-4000-8000-0000%08x", number, ++answers);
    return {text, static_cast<std::size_t>(length)};
}

task<bool> https_session::impl::send(const reply& r, std::string head, bool keep)
{
    // One buffer: asio's TLS stream makes a record of every buffer it is given.
    const bool cut = r.ending == ending::truncate || r.ending == ending::cut_chunks;
    const auto shown = cut ? r.body.size() / 2 : r.body.size();
    if (r.ending == ending::cut_chunks)
        head += chunk(std::string_view(r.body).substr(0, shown));
    else
        head.append(r.body, 0, shown);
    auto ec = co_await write(head);
    if (!ec && r.filler > 0) {
        const std::string piece(filler_piece, ' ');
        for (auto left = r.filler; !ec && left > 0;) {
            const auto n = std::min<std::uint64_t>(left, filler_piece);
            ec = co_await write(std::string_view(piece).substr(0, n));
            left -= n;
        }
        if (!ec)
            ec = co_await write(r.tail);
    }
    if (ec)
        co_return false;
    if (cut) {
        error_code ignored;
        stream.next_layer().shutdown(tcp::socket::shutdown_both,
                                     ignored); // without a TLS goodbye: cut, not closed
        co_return false;
    }
    if (!keep) {
        due_in(longest_handshake);
        co_await stream.async_shutdown(use_tuple);
    }
    co_return keep;
}

// True where the whole answer went out, to its end.
task<bool> https_session::impl::send_live(const reply& r, std::string head)
{
    using namespace asio::experimental::awaitable_operators;
    const auto ec = co_await write(head);
    if (ec)
        co_return false;
    due_in(longest_stream);
    bool whole = false;
    co_await (pump(*r.live, whole) || client_leaves());
    co_return whole;
}

task<void> https_session::impl::pump(live_answer& live, bool& whole)
{
    for (;;) {
        const auto next = co_await live.next();
        const bool last = next.text.empty();
        const auto text = last ? std::string("0\r\n\r\n") : chunk(next.text);
        const auto piece = live.piece_bytes() == 0 ? text.size() : live.piece_bytes();
        for (std::size_t at = 0; at < text.size(); at += piece) {
            const auto ec = co_await write(std::string_view(text).substr(at, piece));
            if (ec)
                co_return;
        }
        due_in(longest_stream);
        whole = last;
        if (last)
            co_return;
        if (next.cut) {
            reset();
            co_return;
        }
    }
}

// A client that asks for nothing more and sends something closes its end.
task<void> https_session::impl::client_leaves()
{
    co_await stream.next_layer().async_wait(tcp::socket::wait_read, use_tuple);
}

task<error_code> https_session::impl::write(std::string_view bytes)
{
    due_in(longest_write);
    const auto [ec, n] =
        co_await asio::async_write(stream, asio::buffer(bytes.data(), bytes.size()), use_tuple);
    co_return ec;
}

// Reads and drops what comes, so that we notice when the client gives up.
task<void> https_session::impl::hang()
{
    due_in(longest_answer);
    std::array<char, 4096> dropped;
    for (;;) {
        const auto [ec, n] = co_await stream.async_read_some(asio::buffer(dropped), use_tuple);
        if (ec)
            co_return;
    }
}

void https_session::impl::reset()
{
    error_code ignored;
    auto& socket = stream.next_layer();
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
}

} // namespace relay::exchange_sim
