// Which proxy, if any, stands between this agent and the cloud.
#pragma once

#include "common/url/url.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::uplink {

// What cloud.proxy says.
struct proxy_rule {
    enum class mode {
        direct,
        environment, // HTTPS_PROXY and NO_PROXY
        fixed,       // the address below, always
    };
    mode how = mode::direct;
    proxy_url address;
    // Which of "negotiate", "ntlm", "basic" may be used to sign in; empty: what is safe on that connection.
    std::vector<std::string> auth = {};
};

// Whether one of them may be used to sign in to `proxy`, which offers it. Basic needs a password, and a connection that nobody reads
// along or a rule that says so.
bool may_sign_in_by(std::string_view scheme, const proxy_rule& rule, const proxy_url& proxy);

using environment = std::function<std::string(const char*)>;

// The proxy for connecting to `target`, nothing where it is dialled directly. mode::environment: https_proxy or
// HTTPS_PROXY (lower case wins, as in curl), unless no_proxy or NO_PROXY names the target.
boost::system::result<std::optional<proxy_url>, bad_url>
choose_proxy(const proxy_rule& rule, const web_url& target, const environment& read);

// Whether `no_proxy` (NO_PROXY's value) names `host`: names between commas or blanks, each with an optional port. A name
// covers its subdomains too, with or without a leading "." or "*."; an address literal can be covered by a range in CIDR
// notation; "*" covers everything. Case does not matter. Names are not looked up: a range covers no name.
bool bypasses_proxy(std::string_view no_proxy, std::string_view host, std::uint16_t port);

} // namespace relay::uplink
