// A blocking client for control interfaces: what command lines and tests talk to a stand-in with.
#pragma once

#include "common/error/error.hpp"
#include "tests/stand_ins/control/routes.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace relay::stand_in {

// One keep-alive connection, made on the first call and again after it broke. Not for use from several threads.
class control_client {
public:
    // `url`: "http://127.0.0.1:PORT".
    explicit control_client(std::string url);
    ~control_client();
    control_client(control_client&&) noexcept;
    control_client& operator=(control_client&&) noexcept;

    // `target`: path and query, percent-encoded. A null `body` sends none. Any HTTP status is a success here.
    // Errors: what the network says, asio::error::timed_out after `limit`, errc::protocol_violation for a body that
    // is no JSON. A call whose kept connection had been closed by the server is sent again once.
    result<control_reply> call(std::string_view method, std::string_view target,
                               const json::value& body = nullptr,
                               std::chrono::milliseconds limit = std::chrono::seconds(60));

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace relay::stand_in
