// One TLS connection of the EWS server, from handshake to end.
#pragma once

#include "common/async/async.hpp"
#include "tests/stand_ins/exchange/gatekeeper.hpp"
#include "tests/stand_ins/exchange/reply.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace relay::exchange_sim {

class ews_endpoint;
struct product;

inline constexpr std::uint64_t largest_request = 64u << 20;

// The headers every answer of the server has.
class server_headers {
public:
    // `server` outlives the headers, and may change: they tell what it is now.
    explicit server_headers(const product& server) : server_(server) {}
    std::string text() const;

private:
    const product& server_;
};

// Loop thread only; its references outlive run().
class https_session {
public:
    https_session(asio::ip::tcp::socket socket, asio::ssl::context& tls, ews_endpoint& endpoint,
                  const server_headers& headers);
    ~https_session();

    task<void> run();
    void close();
    void close_if_due(steady_time now);

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace relay::exchange_sim
