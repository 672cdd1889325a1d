// What the TLS connection to the cloud runs over: a TCP connection, to the cloud or to an http:// proxy, or TLS to an https:// proxy.
#pragma once

#include "agent/uplink/link.hpp"
#include "common/tls/tls.hpp"
#include "common/url/url.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <memory>
#include <utility>

namespace relay::uplink {

// An AsyncStream, and as much of a SyncStream as a teardown needs. Its TLS stays where it is while the stream is moved.
class hop_stream {
public:
    using executor_type = asio::any_io_executor;
    using lowest_layer_type = asio::ip::tcp::socket::lowest_layer_type;

    // TLS to a proxy, with what it needs to stay alive as long as it does.
    struct tls_hop {
        tls_hop(asio::ip::tcp::socket socket, tls::context_ptr c, std::string host)
            : context(std::move(c)),
              check(std::move(host)),
              stream(std::move(socket), *context)
        {
        }
        tls::context_ptr context; // first here, last to go
        tls::peer_check check;
        asio::ssl::stream<asio::ip::tcp::socket> stream;
    };

    explicit hop_stream(asio::ip::tcp::socket socket) : plain_(std::move(socket)) {}
    explicit hop_stream(std::unique_ptr<tls_hop> hop)
        : plain_(hop->stream.get_executor()),
          tls_(std::move(hop))
    {
    }

    executor_type get_executor() { return plain_.get_executor(); }
    asio::ip::tcp::socket& socket() { return tls_ ? tls_->stream.next_layer() : plain_; }
    lowest_layer_type& lowest_layer() { return socket().lowest_layer(); }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token)
    {
        if (tls_)
            return tls_->stream.async_read_some(buffers, std::forward<Token>(token));
        return plain_.async_read_some(buffers, std::forward<Token>(token));
    }
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token)
    {
        if (tls_)
            return tls_->stream.async_write_some(buffers, std::forward<Token>(token));
        return plain_.async_write_some(buffers, std::forward<Token>(token));
    }
    template <class Buffers>
    std::size_t read_some(const Buffers& buffers, error_code& ec)
    {
        return tls_ ? tls_->stream.read_some(buffers, ec) : plain_.read_some(buffers, ec);
    }
    template <class Buffers>
    std::size_t write_some(const Buffers& buffers, error_code& ec)
    {
        return tls_ ? tls_->stream.write_some(buffers, ec) : plain_.write_some(buffers, ec);
    }

    friend void beast_close_socket(hop_stream& s)
    {
        error_code ignored;
        s.socket().close(ignored);
    }
    friend void teardown(boost::beast::role_type role, hop_stream& s, error_code& ec)
    {
        if (s.tls_)
            return boost::beast::teardown(role, s.tls_->stream, ec);
        boost::beast::websocket::teardown(role, s.plain_, ec);
    }
    template <class Handler>
    friend void async_teardown(boost::beast::role_type role, hop_stream& s, Handler&& handler)
    {
        if (s.tls_)
            return boost::beast::async_teardown(role, s.tls_->stream, std::forward<Handler>(handler));
        boost::beast::websocket::async_teardown(role, s.plain_, std::forward<Handler>(handler));
    }

private:
    asio::ip::tcp::socket plain_; // not open if there is a tls_
    std::unique_ptr<tls_hop> tls_;
};

// TLS to an https:// proxy: chain and name are verified by `trusted`. Sets no deadline of its own; `proxy` outlives the call.
task<outcome<hop_stream>> secure_hop(asio::ip::tcp::socket socket, tls::context_ptr trusted,
                                     const proxy_url& proxy);

} // namespace relay::uplink
