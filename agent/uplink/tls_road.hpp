// The road to the cloud as far as every conversation with it shares it: name, TCP, proxy, TLS.
#pragma once

#include "agent/uplink/name_lookup.hpp"
#include "agent/uplink/step_watch.hpp"
#include "agent/uplink/tls_stream.hpp"

namespace relay::uplink {

// Goes to `address`, through the proxy that `settings` names for it. `steps`, `names`, `settings` and `address` outlive
// the call. Cancelling it ends it within a loop turn.
task<outcome<tls_stream>> dial_tls(step_watch& steps, name_lookup& names, const dial_settings& settings,
                                   const cloud_address& address, tls::context_ptr context);

} // namespace relay::uplink
