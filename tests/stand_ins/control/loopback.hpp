// Addresses of the stand-ins: "127.0.0.1:0" and the like, and nothing that another machine could reach.
#pragma once

#include "common/error/error.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <string_view>

namespace relay::stand_in {

// Reads "127.0.0.1:PORT", "localhost:PORT" or "[::1]:PORT". Errors: asio::error::access_denied for an address that is
// not loopback, asio::error::invalid_argument for anything else that is wrong.
result<boost::asio::ip::tcp::endpoint> parse_loopback(std::string_view text);

// Opens, binds (with SO_REUSEADDR) and listens.
result<void> listen_on(boost::asio::ip::tcp::acceptor& acceptor,
                       const boost::asio::ip::tcp::endpoint& endpoint);

// "127.0.0.1:PORT"
std::string endpoint_text(const boost::asio::ip::tcp::endpoint& endpoint);

} // namespace relay::stand_in
