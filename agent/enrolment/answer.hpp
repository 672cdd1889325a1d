// The cloud's answer to /v1/enroll and /v1/renew, read and judged. Everything in it is outside data.
#pragma once

#include "agent/enrolment/key_request.hpp"
#include "agent/uplink/cloud_post.hpp"
#include "common/tls/tls.hpp"

#include <string>
#include <string_view>

namespace relay::enrolment {

// Enrolling or renewing: what the sentences of a failure speak of.
enum class occasion { enrolling, renewing };

struct granted {
    std::string agent_id;
    std::string certificate; // PEM, leaf first, written anew by us: nothing else that stood in the answer
    std::string ca;          // PEM, the same; empty where the answer has none
    std::string relay_url;   // wss://; empty where the answer has none
    tls::certificate_facts facts;
};

inline constexpr utc_time::duration clock_tolerance = 5min;

// The whole answer: its status, then its body. `secret`, where it stands in what the cloud says, is left out of messages.
outcome<granted> read_answer(const uplink::post_answer& answer, const private_key& key, utc_time now,
                             occasion why, std::string_view secret = {});

// The body of a 200. The certificate is for `key`, valid at `now`, good for a client, and followed by those that signed it.
outcome<granted> read_grant(std::string_view body, const private_key& key, utc_time now);

// The certificates in `file` as granted::ca has them, to compare the two; empty where none can be read. Blocking.
std::string pem_in(const std::filesystem::path& file);

// "; this machine's clock is 3 h behind the cloud's: set it", empty where the two agree or the cloud told no time.
std::string clock_advice(const std::optional<utc_time>& server, utc_time now);

} // namespace relay::enrolment
