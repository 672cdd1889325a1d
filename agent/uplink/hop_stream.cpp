#include "agent/uplink/hop_stream.hpp"

#include <boost/asio/ssl/error.hpp>

namespace relay::uplink {

task<outcome<hop_stream>> secure_hop(asio::ip::tcp::socket socket, tls::context_ptr trusted,
                                     const proxy_url& proxy)
{
    const auto who = "the proxy " + proxy.authority();
    auto hop = std::make_unique<hop_stream::tls_hop>(std::move(socket), std::move(trusted), proxy.host);
    if (const auto ready = hop->check.attach(hop->stream.native_handle()); ready.has_error())
        co_return failed{step::proxy, ready.error(), who + " has no name that a certificate can carry"};
    hop->stream.set_verify_callback([check = &hop->check](bool preverified, asio::ssl::verify_context& at) {
        return check->seen(preverified, at.native_handle());
    });
    const auto [ec] = co_await hop->stream.async_handshake(asio::ssl::stream_base::client, use_tuple);
    if (ec == asio::error::eof || ec == asio::ssl::error::stream_truncated)
        co_return failed{step::proxy, errc::proxy_refused,
                         who + " closed the connection during the TLS handshake"};
    if (ec.failed()) {
        const auto why = hop->check.explain(ec);
        co_return failed{step::proxy, why.code, who + ": " + why.message};
    }
    co_return hop_stream(std::move(hop));
}

} // namespace relay::uplink
