#include "agent/uplink/tls_handshake.hpp"

#include <boost/asio/ssl/error.hpp>

namespace relay::uplink {

task<outcome<tls_stream>> secure(hop_stream hop, tls::context_ptr context, web_url address,
                                 tls::certificate_facts& peer)
{
    tls_stream stream{context, std::make_unique<tls::peer_check>(address.host),
                      std::make_shared<corked_stream::core>(std::move(hop), *context)};
    auto& tls = stream.core->tls;
    if (const auto ready = stream.check->attach(tls.native_handle()); ready.has_error())
        co_return failed{step::tls, ready.error(),
                         address.authority() + " is no name that a certificate can carry"};
    tls.set_verify_callback([check = stream.check.get()](bool preverified, asio::ssl::verify_context& at) {
        return check->seen(preverified, at.native_handle());
    });
    const auto [ec] = co_await tls.async_handshake(asio::ssl::stream_base::client, use_tuple);
    if (ec == asio::error::eof || ec == asio::ssl::error::stream_truncated)
        co_return failed{step::tls, errc::link_closed,
                         address.authority() + " closed the connection during the TLS handshake"};
    if (ec.failed()) {
        const auto why = stream.check->explain(ec);
        peer = stream.check->refused();
        co_return failed{step::tls, why.code, address.authority() + ": " + why.message};
    }
    peer = tls::peer_certificate(tls.native_handle());
    co_return stream;
}

std::string version_of(const tls_stream& stream)
{
    return tls::version_of(stream.core->tls.native_handle());
}

} // namespace relay::uplink
