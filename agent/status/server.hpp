// The local HTTP server: loopback only, read only, bounded in every way. What it answers is decided in site.hpp.
#pragma once

#include "agent/status/site.hpp"
#include "common/async/notifier.hpp"
#include "common/async/task_group.hpp"
#include "common/config/settings.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <list>
#include <optional>

namespace spdlog {
class logger;
}

namespace relay::status {

struct server_limits {
    // One beyond it takes the place of the one that has waited longest for a request; where all are being answered it is
    // closed at once.
    std::size_t connections = 32;
    std::uint32_t header_bytes = 8 * 1024;
    duration first_request = 5s; // from the connection to the end of the header
    duration next_request = 70s; // on a connection that is kept: a scrape a minute finds it open
    duration write = 10s;
    duration retry = 30s; // until an address that was taken is tried again
};

// Loop thread only. `pages`, `time` and `log` outlive the server; run() has returned before it goes.
class server {
public:
    server(const asio::any_io_executor& executor, site& pages, time_source& time, spdlog::logger& log,
           server_limits limits = {});
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    // Where to listen from now on; nothing: nowhere. Any time, also before run(). Answers under way are finished.
    void use(std::optional<config::loopback_endpoint> where);

    // Serves until it is cancelled. An address that cannot be had is logged once and tried again later: a page that is
    // missing is no reason for an agent to end.
    task<void> run();

    // The port it listens on; 0 while it does not.
    std::uint16_t port() const noexcept;

private:
    struct visit;
    bool open();
    bool make_room();
    task<void> accept();
    task<void> guarded(asio::ip::tcp::socket socket);
    task<void> serve(asio::ip::tcp::socket socket);
    task<reply> answer(request r);

    site& pages_;
    time_source& time_;
    spdlog::logger& log_;
    server_limits limits_;
    std::optional<config::loopback_endpoint> wanted_;
    std::string trouble_; // that was logged
    notifier changed_;
    asio::ip::tcp::acceptor acceptor_;
    std::list<visit*> visits_; // that wait for a request, the one that waits longest first
    task_group connections_;
};

} // namespace relay::status
