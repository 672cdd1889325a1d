// A forward proxy as companies run them: HTTP CONNECT, with or without a Basic sign-in. On a thread of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace relay::test {

class connect_proxy {
public:
    // Listens on a free loopback port. `credentials`: "user:password"; empty: nobody has to sign in. `refusal`: the status
    // line's end that answers everybody ("403 Forbidden"); empty: tunnels are opened.
    explicit connect_proxy(std::string credentials = {}, std::string refusal = {});
    ~connect_proxy();

    std::uint16_t port() const;
    int tunnels() const;  // opened so far
    int refusals() const; // answered 407 so far

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace relay::test
