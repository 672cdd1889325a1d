// Carries out libcurl transfers on the loop: asio watches the sockets and the clock, and nothing of it blocks.
#pragma once

#include "common/async/async.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace relay::http {

// One libcurl multi handle, its connection cache of one connection included. Loop thread only, one transfer at a time.
class curl_driver {
public:
    explicit curl_driver(const asio::any_io_executor& executor);
    ~curl_driver(); // closes the connection; no transfer is under way, every easy handle is cleaned up
    curl_driver(const curl_driver&) = delete;
    curl_driver& operator=(const curl_driver&) = delete;

    // Has `easy` (a CURL) make its sockets here; once, before its first transfer.
    void equip(void* easy);

    // Carries `easy` out; the driver outlives it. Its CURLcode, or nothing where the coroutine or the driver was cancelled.
    task<std::optional<int>> run(void* easy);

    // Ends the transfer that is under way, if any, and with it its connection.
    void cut() noexcept;
    // Whether that is how the last transfer ended.
    bool was_cut() const noexcept;
    // Which addresses a transfer may connect to, by a function that outlives it; empty: any.
    void choose(std::function<bool(const asio::ip::address&)> may_be_tried);
    // Of the transfer that was run last: the addresses that were tried, and whether others were passed over.
    const std::vector<asio::ip::address>& tried() const noexcept;
    bool passed_over() const noexcept;

    // Ends the transfer that is under way, if any, and lets no other begin.
    void cancel() noexcept;

    // True where there is a connection, be it one that the server has closed.
    bool connected() const noexcept;
    // True where the connection is open and the server has sent nothing on it that nobody read. (What TLS has read ahead of
    // libcurl is not seen here: connection.cpp asks for it.)
    bool quiet() const;
    // True where bytes lie in the socket that nobody read.
    bool has_bytes() const;
    // Ends the connection: quiet() is false from now on, and the next transfer opens another.
    void abandon() noexcept;
    // How many sockets were made in all.
    std::uint64_t opened() const noexcept;

private:
    class state;
    std::shared_ptr<state> state_; // handlers of waits under way find it gone
};

} // namespace relay::http
