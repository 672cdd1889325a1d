// What enrolment and renewal need of the network, so that tests can stand in for it.
#pragma once

#include "agent/enrolment/outcome.hpp"
#include "agent/uplink/cloud_post.hpp"

#include <functional>
#include <string>

namespace relay::enrolment {

// Loop thread only. Every call has deadlines of its own; cancelling it ends it within a loop turn.
class cloud_connection {
public:
    virtual ~cloud_connection() = default;

    // POSTs to /v1/renew with the certificate in use.
    virtual task<outcome<uplink::post_answer>> post_renewal(std::string body) = 0;
    // Connects with `files` as the agent would, and leaves without a hello. fault::refused: the cloud does not take the
    // certificate; fault::local: the files cannot be used.
    virtual task<outcome<void>> try_out(tls::credential_files files) = 0;
};

// The real one.
class tls_connection final : public cloud_connection {
public:
    // `settings`: how the agent connects now, asked anew for each call. `time` outlives it.
    tls_connection(time_source& time, std::function<uplink::dial_settings()> settings)
        : time_(time),
          settings_(std::move(settings))
    {
    }

    task<outcome<uplink::post_answer>> post_renewal(std::string body) override;
    task<outcome<void>> try_out(tls::credential_files files) override;

private:
    time_source& time_;
    std::function<uplink::dial_settings()> settings_;
};

// "https://relay.example:8443/v1/renew" for "wss://relay.example:8443/v1/connect"; empty where that is no such URL.
std::string renewal_url(const std::string& cloud_url);
// "https://relay.example/v1/enroll" for "https://relay.example" (or with that path already).
outcome<std::string> enrolment_url(const std::string& url);

} // namespace relay::enrolment
