// Listens on a socket in the data folder, which only the agent's own user and root can reach, for what an administrator
// wants done. What is done about it is decided elsewhere.
#pragma once

#include "agent/admin/messages.hpp"
#include "common/async/task_group.hpp"

#include <boost/asio/local/stream_protocol.hpp>

#include <functional>

namespace spdlog {
class logger;
}

namespace relay::admin {

// Loop thread only. `time` and `log` outlive the server; run() has returned before it goes.
class server {
public:
    using handler = std::function<answer(const request&)>;

    static constexpr std::size_t most_connections = 8;            // one beyond it is closed at once
    static constexpr duration patience = std::chrono::seconds(5); // for one request and its answer

    // `data_dir` is ours: whoever has its lock may take away what an agent left there that was killed.
    server(const asio::any_io_executor& executor, const std::filesystem::path& data_dir, handler answers,
           time_source& time, spdlog::logger& log);
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    // Serves until it is cancelled, then removes the socket. Where it cannot listen that is logged, and nothing is served:
    // no reason for an agent to end.
    task<void> run();

private:
    bool open();
    task<void> accept();
    task<void> serve(asio::local::stream_protocol::socket socket);
    task<result<void>> talk(asio::local::stream_protocol::socket& socket);

    std::filesystem::path socket_;
    handler answers_;
    time_source& time_;
    spdlog::logger& log_;
    asio::local::stream_protocol::acceptor acceptor_;
    task_group connections_;
};

} // namespace relay::admin
