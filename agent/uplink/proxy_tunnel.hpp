// HTTP CONNECT: turns a connection to a proxy into one to the cloud (RFC 9110, section 9.3.6), signed in where the proxy
// wants that: Negotiate, NTLM or Basic.
#pragma once

#include "agent/uplink/hop_stream.hpp"
#include "agent/uplink/link.hpp"
#include "agent/uplink/proxy_choice.hpp"

#include <functional>

namespace relay::http {
class blocking_executor;
}

namespace relay::uplink {

// Proxies explain themselves at length: a page, a policy in headers, an advertisement of the maker.
inline constexpr std::uint32_t most_proxy_header_bytes = 64 * 1024; // of one answer
inline constexpr std::size_t most_proxy_body_bytes = 1024 * 1024; // of a 407 on a connection that is used on

// Another connection to the same proxy.
using redial = std::function<task<outcome<hop_stream>>()>;

struct tunnel {
    hop_stream hop;
    std::string signed_in_by; // "Negotiate", "NTLM", "Basic"; empty: the proxy wanted nothing
};

// Asks the proxy at the other end of `hop` for a tunnel to `target` ("host:port"); the result is the connection that
// has become it, which is another one where the proxy closed the first after asking for a sign-in. Nobody is shown a name
// or a password who did not ask for one; of what a proxy offers, and `rule` allows, the first of Negotiate, NTLM, Basic that can be
// done here is used. Without a user name that is Negotiate, as the account that the process runs as.
// Errors: errc::proxy_auth_required (it wants a sign-in that cannot be done, or may not), asio::error::no_permission (it refuses the
// one that was), errc::proxy_refused, errc::protocol_violation (no HTTP), or the network's. Messages name the proxy, never
// its password. Sets no deadline of its own; everything handed over by reference outlives the call.
task<outcome<tunnel>> open_tunnel(hop_stream hop, const proxy_url& proxy, const proxy_rule& rule,
                                  std::string target, const redial& again,
                                  http::blocking_executor& blocking_executor);

} // namespace relay::uplink
