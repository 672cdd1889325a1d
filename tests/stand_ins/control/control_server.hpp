// The HTTP server of a stand-in's control interface: JSON in and out, keep-alive, loopback only.
#pragma once

#include "common/error/error.hpp"
#include "tests/stand_ins/control/routes.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace relay::stand_in {

inline constexpr std::size_t largest_control_body = 64u << 20;
inline constexpr std::size_t most_control_connections = 1024;

// Lives on the thread of `context`. Add routes, listen(), spawn run(); handlers run on that thread too, so requests of
// several connections take turns at their co_awaits.
class control_server {
public:
    explicit control_server(asio::io_context& context);
    ~control_server(); // run() must have returned
    control_server(const control_server&) = delete;
    control_server& operator=(const control_server&) = delete;

    stand_in::routes& routes() noexcept;

    // Binds "127.0.0.1:PORT" or "[::1]:PORT"; port 0 picks a free one. Errors: asio::error::access_denied for an
    // address that is not loopback, invalid_argument for text that is no address, and what bind() says.
    result<void> listen(std::string_view address);

    // "http://127.0.0.1:PORT", after listen().
    std::string url() const;

    // Serves until cancelled or stopped; returns when no connection is left. Does not throw for a cancel.
    task<void> run();
    void stop();

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace relay::stand_in
