// The way to the cloud as far as every conversation with it shares it: name, TCP, proxy, TLS.
#pragma once

#include "agent/http/address_memory.hpp"
#include "agent/uplink/dial_steps.hpp"
#include "agent/uplink/name_lookup.hpp"
#include "agent/uplink/tls_stream.hpp"

namespace relay::http {
class blocking_executor;
}

namespace relay::uplink {

// Its first half: the name of `host` and a TCP connection to it. `hop` stands for it in sentences: "the proxy p:3128".
// `memory` gives the order of its addresses, and learns which cannot be connected to.
task<outcome<asio::ip::tcp::socket>> dial_tcp(dial_steps& steps, name_lookup& names,
                                              http::address_memory& memory, std::string host,
                                              std::uint16_t port, std::string hop);

// Goes to `address`, through the proxy that `settings` names for it; signing in there is a job. An address after which
// nothing came is noted in `memory`, and named in the failure. Everything handed over by reference outlives the call. Cancelling it ends it within a loop turn.
task<outcome<tls_stream>> dial_tls(dial_steps& steps, name_lookup& names, http::address_memory& memory,
                                   http::blocking_executor& blocking_executor, const dial_settings& settings,
                                   const web_url& address, tls::context_ptr context);

// `why` with the address that was dialled, where a name stood for it, and `memory` taught that nothing came of it.
failed blame_address(failed why, const dial_report& report, http::address_memory& memory);

} // namespace relay::uplink
