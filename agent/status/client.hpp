// Asks a running agent over its local HTTP: for commands that are processes of their own.
#pragma once

#include "common/config/settings.hpp"
#include "common/error/error.hpp"
#include "common/time/time_source.hpp"

#include <string>
#include <string_view>

namespace relay::status {

struct fetched {
    int status = 0;
    std::string body; // at most 4 MiB
};

// GET `path`. Blocks, at most for `limit`; any thread. Errors: asio::error::connection_refused where nobody listens,
// asio::error::timed_out, errc::protocol_violation where what listens does not speak HTTP.
result<fetched> fetch(const config::loopback_endpoint& where, std::string_view path, milliseconds limit);

} // namespace relay::status
