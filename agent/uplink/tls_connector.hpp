// The real way to the cloud: TCP (through an HTTP proxy where one is set), TLS with the client certificate, WebSocket.
#pragma once

#include "agent/uplink/link.hpp"
#include "agent/uplink/proxy_choice.hpp"
#include "common/tls/tls.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>

#include <memory>
#include <string>
#include <vector>

namespace relay::http {
class address_memory;
class blocking_executor;
} // namespace relay::http

namespace relay::uplink {

struct dial_settings {
    std::string url; // wss://host[:port]/path
    tls::credential_files files;
    proxy_rule proxy;
    uplink::environment
        environment; // reads a variable for proxy_rule::mode::environment, empty where it is not set
    std::string user_agent = "workestra-relay";
    duration step_limit = 10s; // each step has this long
};

// What one attempt found on its way: for doctor. Steps that were not reached are absent.
struct dial_report {
    struct step_done {
        step what;
        std::string detail; // "192.0.2.7, 192.0.2.8"; "TLSv1.3, CN=relay.example"
        duration took{};
    };
    std::vector<step_done> steps;
    std::optional<utc_time> server_time; // the Date of the answer to the upgrade, also where it was a refusal
    tls::certificate_facts peer;         // also where it was refused
    std::string proxy;                   // "proxy.corp.example:3128", empty where it went direct
    std::string proxy_sign_in;           // "Basic", where the proxy wanted one and took it
    bool proxy_encrypted = false;        // an https:// one
    std::optional<asio::ip::address> reached; // by TCP: the cloud's address, or the proxy's
    bool reached_by_name = false;             // and not because it is in the URL
};

class name_lookup;

// After so many refusals of the proxy's password in a row the next try has to wait: a directory locks accounts out.
inline constexpr int most_proxy_refusals = 2;
inline constexpr duration proxy_refusal_pause = std::chrono::minutes(5);

// Loop thread only. Its links stand alone: they may outlive it.
class tls_connector final : public connector {
public:
    tls_connector(asio::any_io_executor executor, time_source& time);
    ~tls_connector() override;

    struct loaded;
    using loaded_ptr = std::shared_ptr<const loaded>;
    // Reads the files that settings name, and builds the TLS context. May block, any thread.
    static outcome<loaded_ptr> read(dial_settings settings);
    // Takes them into use for the next connect(). Links that are open are not touched.
    void use(loaded_ptr fresh);
    // Both. On failure nothing changes: what was loaded before stays in use.
    outcome<void> load(dial_settings settings);

    task<outcome<link_ptr>> connect() override;
    // The same, writing down what it found. No hello is sent: an upgraded link that is closed again was never a session.
    task<outcome<link_ptr>> dial(dial_report& report);
    std::string url() const override;
    std::string address() const override;
    void judge(link_verdict v) override;

private:
    failed note_proxy(failed why);

    time_source& time_;
    loaded_ptr loaded_; // shared with the attempt that runs while load() replaces it
    std::unique_ptr<name_lookup> names_;
    std::unique_ptr<http::blocking_executor> blocking_;
    std::unique_ptr<http::address_memory> memory_; // of the cloud's addresses, or the proxy's
    std::optional<asio::ip::address> reached_;     // by the dial that was made last
    int proxy_refusals_ = 0;                       // in a row, since load()
    failed proxy_refusal_;                         // the last one
    steady_time proxy_again_{};
};

// Closes a link over which nothing was said: the closing handshake, for 3 s at most.
task<void> leave(time_source& time, link& l);

} // namespace relay::uplink
