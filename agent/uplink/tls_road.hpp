// The road to the cloud as far as every conversation with it shares it: name, TCP, proxy, TLS.
#pragma once

#include "agent/uplink/name_lookup.hpp"
#include "agent/uplink/step_watch.hpp"
#include "agent/uplink/tls_stream.hpp"

namespace relay::http {
class errands;
}

namespace relay::uplink {

// Its first half: the name of `host` and a TCP connection to it. `hop` stands for it in sentences: "the proxy p:3128".
task<outcome<asio::ip::tcp::socket>> dial_tcp(step_watch& steps, name_lookup& names, std::string host,
                                              std::uint16_t port, std::string hop);

// Goes to `address`, through the proxy that `settings` names for it; signing in there is an errand. Everything handed over by
// reference outlives the call. Cancelling it ends it within a loop turn.
task<outcome<tls_stream>> dial_tls(step_watch& steps, name_lookup& names, http::errands& errands,
                                   const dial_settings& settings, const cloud_address& address,
                                   tls::context_ptr context);

} // namespace relay::uplink
