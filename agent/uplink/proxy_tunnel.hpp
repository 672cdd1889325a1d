// HTTP CONNECT: turns a connection to a proxy into one to the cloud (RFC 9110, section 9.3.6).
#pragma once

#include "agent/uplink/address.hpp"
#include "agent/uplink/link.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace relay::uplink {

inline constexpr std::uint32_t most_proxy_header_bytes = 8 * 1024;

// Asks the proxy at the other end of `socket` for a tunnel to `target` ("host:port"). Errors: errc::proxy_auth_required,
// errc::proxy_refused, errc::protocol_violation (no HTTP), or the network's. Messages name the proxy, never its password.
// Sets no deadline of its own; `socket` and `proxy` outlive the call.
task<outcome<void>> open_tunnel(asio::ip::tcp::socket& socket, const proxy_address& proxy,
                                std::string target);

} // namespace relay::uplink
