// One HTTPS request to the cloud beside the WebSocket: enrolment and renewal. It goes the same way: proxy, trust, deadlines.
#pragma once

#include "agent/uplink/tls_connector.hpp"

#include <string>

namespace relay::uplink {

inline constexpr std::size_t most_answer_bytes = 256 * 1024;
inline constexpr duration answer_limit = 30s; // from the request to the last byte of its answer

struct post_answer {
    int status = 0;
    std::string body;                    // outside data
    std::optional<utc_time> server_time; // the Date header
};

// POSTs the JSON `body` to settings.url (https://), with the client certificate that settings.files names, if any. Any
// status is an answer; redirects are not followed. Errors: as tls_connector::connect(), and step::serving for what went
// wrong after TLS. Cancelling it ends it within a loop turn. `time` outlives the call.
task<outcome<post_answer>> post_json(time_source& time, dial_settings settings, std::string body);

} // namespace relay::uplink
