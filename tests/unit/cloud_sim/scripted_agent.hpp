// An agent that does what a test tells it to, over a real WebSocket with mutual TLS. Blocking, with a deadline on each step.
#pragma once

#include <boost/json/object.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace relay::test {

class scripted_agent {
public:
    // `pki`: a folder of make-dev-pki.sh; `name`: the client certificate in it ("agent").
    explicit scripted_agent(const std::string& pki, const std::string& name = "agent");
    ~scripted_agent();

    // The error message, empty where the link is up.
    std::string connect(const std::string& url, std::string_view subprotocol = "workestra.relay.v1");
    std::string subprotocol() const; // what the cloud selected

    // Connects, says hello, and returns what the cloud answers first.
    boost::json::object greet(const std::string& url, std::int64_t next_seq = 1, std::int64_t unacked = 0);

    bool send(std::string_view frame);
    // The next frame, nothing where there is none in time or the link ended.
    std::optional<boost::json::object> read(int limit_ms = 5000);
    bool ended() const; // the last read found the link gone
    std::optional<std::uint16_t> close_code() const;
    // True where a pong comes back in time.
    bool ping(int limit_ms);
    void close(std::uint16_t code);

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace relay::test
