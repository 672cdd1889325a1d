// A TCP socket with a gate: while it is shut nothing gets through in either direction, but the connection stays up, as
// where a middlebox forgot it.
#pragma once

#include "common/error/error.hpp"

#include <boost/asio/compose.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>

namespace relay::cloud_sim {

namespace asio = boost::asio;

class gated_stream {
public:
    using executor_type = asio::ip::tcp::socket::executor_type;
    using lowest_layer_type = gated_stream; // what asio::ssl::stream asks for

    explicit gated_stream(asio::ip::tcp::socket socket)
        : socket_(std::move(socket)),
          opened_(socket_.get_executor(), asio::steady_timer::time_point::max())
    {
    }

    executor_type get_executor() { return socket_.get_executor(); }
    lowest_layer_type& lowest_layer() { return *this; }
    const lowest_layer_type& lowest_layer() const { return *this; }

    void freeze(bool frozen)
    {
        frozen_ = frozen;
        if (!frozen)
            opened_.cancel();
    }

    // Ends everything under way. `reset`: with a TCP reset instead of a FIN.
    enum class ending { close, reset };
    void end(ending how)
    {
        ended_ = true;
        error_code ignored;
        if (how == ending::reset)
            socket_.set_option(asio::socket_base::linger(true, 0), ignored);
        socket_.close(ignored);
        opened_.cancel();
    }

    // Tells the peer that nothing more comes.
    void shut()
    {
        error_code ignored;
        socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token)
    {
        return asio::async_compose<Token, void(error_code, std::size_t)>(read_op<Buffers>{*this, buffers},
                                                                         token, socket_);
    }

    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token)
    {
        return asio::async_compose<Token, void(error_code, std::size_t)>(write_op<Buffers>{*this, buffers},
                                                                         token, socket_);
    }

private:
    // What arrives while the gate is shut is held until it opens.
    template <class Buffers>
    struct read_op {
        gated_stream& stream;
        Buffers buffers;
        bool begun = false;
        error_code outcome{};
        std::size_t count = 0;

        template <class Self>
        void operator()(Self& self, error_code ec, std::size_t n)
        {
            outcome = ec;
            count = n;
            (*this)(self);
        }
        template <class Self>
        void operator()(Self& self, error_code = {})
        {
            if (!std::exchange(begun, true)) {
                const auto into = buffers; // *this moves away with self
                return stream.socket_.async_read_some(into, std::move(self));
            }
            if (stream.ended_ && !outcome)
                outcome = asio::error::operation_aborted;
            if (stream.frozen_ && !stream.ended_)
                return stream.opened_.async_wait(std::move(self));
            self.complete(outcome, count);
        }
    };

    template <class Buffers>
    struct write_op {
        gated_stream& stream;
        Buffers buffers;

        template <class Self>
        void operator()(Self& self, error_code ec, std::size_t n)
        {
            self.complete(ec, n);
        }
        template <class Self>
        void operator()(Self& self, error_code = {})
        {
            if (stream.frozen_ && !stream.ended_)
                return stream.opened_.async_wait(std::move(self));
            const auto from = buffers; // *this moves away with self
            stream.socket_.async_write_some(from, std::move(self));
        }
    };

    asio::ip::tcp::socket socket_;
    asio::steady_timer opened_; // cancelled to wake what waits at the gate
    bool frozen_ = false, ended_ = false;
};

// What Beast calls when one of its timeouts strikes.
inline void beast_close_socket(gated_stream& stream)
{
    stream.end(gated_stream::ending::close);
}

// The end of Beast's closing handshake, after TLS has said its goodbyes: nothing is left to wait for.
template <class Handler>
void async_teardown(boost::beast::role_type, gated_stream& stream, Handler&& handler)
{
    stream.shut();
    asio::post(stream.get_executor(),
               boost::beast::bind_front_handler(std::forward<Handler>(handler), error_code{}));
}

} // namespace relay::cloud_sim
