#include "agent/status/server.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>
#include <spdlog/logger.h>

#include <array>

namespace relay::status {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr duration after_accept_failed = 100ms; // no file descriptors left, and the like
constexpr duration linger = 1s;
constexpr std::size_t longest_rest = 64 * 1024; // of a request whose body nobody wants

std::string text_of(const tcp::endpoint& e)
{
    return e.address().is_v6() ? fmt::format("[{}]:{}", e.address().to_string(), e.port())
                               : fmt::format("{}:{}", e.address().to_string(), e.port());
}

std::string_view std_view(beast::string_view s)
{
    return {s.data(), s.size()};
}

// What a header that could not be read is answered with; nothing where the connection is just over.
std::optional<reply> answer_to(error_code ec)
{
    if (ec == http::error::header_limit || ec == http::error::buffer_overflow)
        return reply{431, "text/plain; charset=utf-8", "the request's header is too large\n", {}};
    const bool malformed = ec.category() == http::make_error_code(http::error::bad_method).category() &&
                           ec != http::error::end_of_stream && ec != http::error::partial_message;
    if (malformed)
        return reply{400, "text/plain; charset=utf-8", "this is no HTTP request\n", {}};
    return std::nullopt;
}

request read_request(const http::request<http::empty_body>& r)
{
    request out;
    out.method = std_view(r.method_string());
    out.target = std_view(r.target());
    const auto [first, last] = r.equal_range(http::field::host);
    out.hosts = static_cast<std::size_t>(std::distance(first, last));
    if (first != last)
        out.host = std_view(first->value());
    return out;
}

http::response<http::string_body> make_response(reply r, bool keep, bool head_only)
{
    http::response<http::string_body> out;
    out.version(11);
    out.result(r.status);
    out.keep_alive(keep);
    for (const auto& [name, value] : security_headers())
        out.set(beast::string_view(name.data(), name.size()), beast::string_view(value.data(), value.size()));
    out.set(http::field::content_type, beast::string_view(r.content_type.data(), r.content_type.size()));
    if (!r.allow.empty())
        out.set(http::field::allow, beast::string_view(r.allow.data(), r.allow.size()));
    out.content_length(r.body.size());
    if (!head_only)
        out.body() = std::move(r.body);
    return out;
}

} // namespace

// A connection while it waits for a request.
struct server::visit {
    visit(server& s, beast::tcp_stream& c)
        : connection(c),
          owner_(s),
          place_(s.visits_.insert(s.visits_.end(), this))
    {
    }
    ~visit() { owner_.visits_.erase(place_); }
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;

    beast::tcp_stream& connection;

private:
    server& owner_;
    std::list<visit*>::iterator place_;
};

server::server(const asio::any_io_executor& executor, site& pages, time_source& time, spdlog::logger& log,
               server_limits limits)
    : pages_(pages),
      time_(time),
      log_(log),
      limits_(limits),
      changed_(executor),
      acceptor_(executor),
      connections_(executor)
{
}

void server::use(std::optional<config::loopback_endpoint> where)
{
    if (where == wanted_)
        return;
    wanted_ = std::move(where);
    trouble_.clear();
    error_code ignored;
    acceptor_.close(ignored);
    changed_.notify();
}

std::uint16_t server::port() const noexcept
{
    error_code ec;
    const auto here = acceptor_.local_endpoint(ec);
    return ec ? 0 : here.port();
}

task<void> server::run()
{
    using namespace asio::experimental::awaitable_operators;
    co_await asio::this_coro::throw_if_cancelled(false); // connections are joined on the way out
    for (;;) {
        const auto mine = co_await asio::this_coro::cancellation_state;
        if (mine.cancelled() != asio::cancellation_type::none)
            break;
        if (!wanted_)
            co_await changed_.wait();
        else if (open())
            co_await accept();
        else
            co_await (time_.sleep_for(limits_.retry) || changed_.wait());
    }
    error_code ignored;
    acceptor_.close(ignored);
    connections_.stop();
    co_await connections_.join();
}

// The configuration lets no other address through; this is the place that would open one, so it asks again.
bool server::open()
{
    error_code ec;
    const auto address = asio::ip::make_address(wanted_->address, ec);
    const tcp::endpoint where(address, wanted_->port);
    if (!ec && !address.is_loopback())
        ec = asio::error::access_denied;
    if (!ec)
        acceptor_.open(where.protocol(), ec);
#ifndef _WIN32 // there it would let two programs share the port
    if (!ec)
        acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
#endif
    if (!ec)
        acceptor_.bind(where, ec);
    if (!ec)
        acceptor_.listen(asio::socket_base::max_listen_connections, ec);
    if (!ec) {
        trouble_.clear();
        log_.info("status page: http://{}/", text_of(acceptor_.local_endpoint(ec)));
        return true;
    }
    error_code ignored;
    acceptor_.close(ignored);
    if (trouble_ != ec.message()) {
        const auto why = ec == asio::error::address_in_use ? "another program has the port" : ec.message();
        log_.warn(
            "status page: cannot listen on {}: {}; the agent goes on without it and tries again every {} s. "
            "Give status.listen another port, or \"\" to turn the page off",
            wanted_->address + ":" + std::to_string(wanted_->port), why,
            std::chrono::duration_cast<std::chrono::seconds>(limits_.retry).count());
    }
    trouble_ = ec.message();
    return false;
}

// Until the acceptor is closed or we are cancelled.
task<void> server::accept()
{
    while (acceptor_.is_open()) {
        auto [ec, socket] = co_await acceptor_.async_accept(use_tuple);
        if (ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor)
            co_return;
        if (ec) {
            if (const auto cancelled = co_await time_.sleep_for(after_accept_failed); cancelled)
                co_return;
            continue;
        }
        if (connections_.size() >= limits_.connections && !make_room())
            continue; // closes it
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        connections_.spawn(guarded(std::move(socket)));
    }
}

// Whoever opens connections and asks nothing must not keep those out who do.
bool server::make_room()
{
    for (auto* const idle : visits_)
        if (idle->connection.socket().is_open()) {
            idle->connection.close(); // its read ends
            return true;
        }
    return false;
}

// A fault in here costs one connection, never the agent.
task<void> server::guarded(tcp::socket socket)
{
    try {
        co_await serve(std::move(socket));
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted)
            throw; // a cancel
        log_.warn("status page: a connection broke off: {}", e.what());
    } catch (const std::exception& e) {
        log_.warn("status page: a connection broke off: {}", e.what());
    }
}

task<void> server::serve(tcp::socket socket)
{
    beast::tcp_stream stream(std::move(socket));
    beast::flat_buffer buffer(limits_.header_bytes + 1024);
    bool keep = true;
    for (auto limit = limits_.first_request; keep; limit = limits_.next_request) {
        http::request_parser<http::empty_body> parser;
        parser.header_limit(limits_.header_bytes);
        parser.body_limit(boost::none); // it is not read: a POST of any size is told that it is one
        stream.expires_after(limit);
        std::optional<visit> waiting(std::in_place, *this, stream);
        const auto [read_error, taken] = co_await http::async_read_header(stream, buffer, parser, use_tuple);
        waiting.reset();
        auto out = answer_to(read_error);
        if (read_error && !out)
            co_return;
        const auto& asked = parser.get();
        keep = !read_error && parser.keep_alive() && parser.is_done();
        if (!out) {
            const auto question = read_request(asked);
            out = co_await answer(question);
        }
        const auto response =
            make_response(std::move(*out), keep, !read_error && asked.method() == http::verb::head);
        stream.expires_after(limits_.write);
        const auto [write_error, written] = co_await http::async_write(stream, response, use_tuple);
        if (write_error)
            co_return;
    }
    // Closed with bytes unread the connection would be reset, and the answer lost with it.
    error_code gone;
    stream.socket().shutdown(tcp::socket::shutdown_send, gone);
    stream.expires_after(linger);
    std::array<char, 4096> rest;
    for (std::size_t read = 0; !gone && read < longest_rest;) {
        const auto [ec, taken] = co_await stream.async_read_some(asio::buffer(rest), use_tuple);
        gone = ec;
        read += taken;
    }
}

task<reply> server::answer(request r)
{
    std::string fault;
    try {
        co_return co_await pages_.answer(r);
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted)
            throw;
        fault = e.what();
    } catch (const std::exception& e) {
        fault = e.what();
    }
    log_.warn("status page: {}", fault);
    co_return reply{500, "text/plain; charset=utf-8", "a fault of the agent itself; its log says more\n", {}};
}

} // namespace relay::status
