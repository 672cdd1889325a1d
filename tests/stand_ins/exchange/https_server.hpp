// HTTP/1.1 over TLS, as IIS in front of Exchange: keep-alive connections that carry EWS requests to the
// endpoint.
#pragma once

#include "common/async/async.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace relay::exchange_sim {

class ews_endpoint;
struct product;

inline constexpr std::size_t most_connections = 10'000;

// Lives on the thread of `context`. listen(), then spawn run(); `endpoint` outlives run().
class https_server {
public:
    https_server(boost::asio::io_context& context, boost::asio::ssl::context tls, ews_endpoint& endpoint,
                 const product& server);
    ~https_server(); // run() must have returned

    // Errors: as of stand_in::parse_loopback, and what bind() says.
    result<void> listen(std::string_view address);
    std::uint16_t port() const;

    // Serves until stopped; returns when no connection is left.
    task<void> run();
    // Ends run(), and every connection at once.
    void stop();

    std::uint64_t connections() const noexcept;      // ever
    std::uint64_t open_connections() const noexcept; // now

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace relay::exchange_sim
