// Host names to addresses, without letting a slow resolver hold up anybody who no longer wants the answer.
#pragma once

#include "common/async/async.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace relay::uplink {

// getaddrinfo() cannot be interrupted: it runs on asio's resolver thread, and whoever is cancelled meanwhile just leaves.
// At most one look-up is under way; asking for the same host again joins it, so retries do not pile up behind it.
class name_lookup {
public:
    explicit name_lookup(asio::any_io_executor executor) : executor_(std::move(executor)) {}
    ~name_lookup();

    // All addresses, in the order to try them. An address literal is answered at once.
    task<result<std::vector<asio::ip::tcp::endpoint>>> resolve(std::string host, std::uint16_t port);

private:
    struct query;
    asio::any_io_executor executor_;
    std::shared_ptr<query> running_; // shared with the resolver's handler, which may outlive us
};

} // namespace relay::uplink
