// The TLS step of dialling.
#pragma once

#include "agent/uplink/link.hpp"
#include "agent/uplink/proxy_choice.hpp"
#include "agent/uplink/tls_stream.hpp"

namespace relay::uplink {

// Handshakes with `address` over `hop`: chain and host name are verified. The message of a failure says which check
// failed on which certificate. Sets no deadline of its own. `peer` outlives the call: it gets what the other side showed,
// be it refused.
task<outcome<tls_stream>> secure(hop_stream hop, tls::context_ptr context, web_url address,
                                 tls::certificate_facts& peer);

// Of a finished handshake.
std::string version_of(const tls_stream& stream);

} // namespace relay::uplink
