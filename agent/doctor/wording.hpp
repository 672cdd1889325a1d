// What connections to the cloud and to Exchange fail on alike, and whom to ask about it.
#pragma once

#include "agent/uplink/link.hpp"
#include "common/tls/tls.hpp"

#include <string>
#include <string_view>

namespace relay::doctor {

// What a failure means, and what to do.
struct meaning {
    std::string means, advice;
};

// A connection that did not come about. `server` is its end for the firewall team ("relay.example port 443"); `key` what
// the configuration calls its address; `first_hop` whom the connection goes to: the server, or the proxy before it.
struct destination {
    std::string server, first_hop, key;
    bool proxy_possible = false; // where the firewall does not let us through, a proxy may
};

meaning of_name(const error_code& ec, std::string_view host, std::string_view key);
meaning of_tcp(const error_code& ec, const destination& to);

// Whether `issuer` looks like a firewall or proxy that opens TLS connections to look inside: they sign what they show with
// a CA of their own, and most put their maker's name into it.
bool looks_like_inspection(std::string_view issuer);
meaning of_inspection(const tls::certificate_facts& seen, std::string_view server);

// "12 s", "4 min", "3 h", "2 days".
std::string rough(duration length);

} // namespace relay::doctor
