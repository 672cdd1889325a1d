// The WebSocket over TLS that carries workestra.relay.v1 (RFC 6455, permessage-deflate RFC 7692).
#pragma once

#include "agent/uplink/link.hpp"
#include "agent/uplink/proxy_choice.hpp"
#include "agent/uplink/tls_stream.hpp"

namespace relay::uplink {

// Upgrades `stream` and checks the subprotocol. Errors: errc::protocol_violation (no such subprotocol, no WebSocket),
// errc::link_closed, failure::unauthorized for 401 and 403, or what TLS says: a server that refuses our certificate under
// TLS 1.3 does so here. Sets no deadline of its own. `time` outlives the link, `server_time` the call: it gets the Date of
// the answer, whichever that is.
task<outcome<link_ptr>> upgrade(time_source& time, tls_stream stream, web_url address, std::string user_agent,
                                std::optional<utc_time>& server_time);

// "Sun, 22 Nov 2026 10:00:00 GMT" (RFC 9110, section 5.6.7), nothing where it is anything else.
std::optional<utc_time> parse_http_date(std::string_view text);

} // namespace relay::uplink
