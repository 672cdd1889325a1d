// One TCP connection to a host with several addresses.
#pragma once

#include "agent/http/address_memory.hpp"
#include "common/async/async.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <vector>

namespace relay::uplink {

inline constexpr std::size_t most_addresses = 8;
inline constexpr duration next_address_after = 250ms; // RFC 8305, section 5

// Tries the addresses in order, the two families by turns; the next one is begun when the last one failed or has not
// answered for `next_address_after`, and the first connection wins. The socket has TCP_NODELAY. Error: that of the
// first address that failed. Sets no deadline of its own.
task<result<asio::ip::tcp::socket>> connect_any(time_source& time,
                                                std::vector<asio::ip::tcp::endpoint> addresses);

// What is tried first and what only where all of that failed to connect.
struct dialling_order {
    std::vector<asio::ip::tcp::endpoint> first, last;
};
// The address that worked last goes first; those of which nothing came go last, the one that failed longest ago first.
dialling_order in_order(const http::address_memory& memory, std::vector<asio::ip::tcp::endpoint> found);

// The order in which connect_any() tries them: RFC 8305, section 4.
std::vector<asio::ip::tcp::endpoint> by_turns(const std::vector<asio::ip::tcp::endpoint>& addresses);

} // namespace relay::uplink
