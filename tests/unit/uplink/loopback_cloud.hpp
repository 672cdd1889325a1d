// A WebSocket server with TLS on loopback that misbehaves as told, and a proxy that does.
#pragma once

#include "common/async/async.hpp"
#include "common/async/task_group.hpp"
#include "tests/unit/uplink/test_pki.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <string>
#include <vector>

namespace relay::test {

// The server's end of one link, once it is upgraded.
class server_link {
public:
    virtual ~server_link() = default;
    virtual task<std::string> read() = 0; // empty where the agent is gone
    virtual task<void> send(std::string text) = 0;
    virtual task<void> send_binary(std::string bytes) = 0;
    virtual task<void> close(std::uint16_t code, std::string reason) = 0;
    virtual task<void> send_raw(std::string bytes) = 0; // under the WebSocket, inside TLS
    virtual void cut() = 0;
    virtual std::uint16_t closed_with() const = 0; // by the agent
    virtual bool deflates() const = 0;
};

struct cloud_manner {
    issued identity;
    std::filesystem::path client_ca; // empty: no client certificate is asked for
    std::string subprotocol = "workestra.relay.v1";
    std::string answer; // sent instead of the answer to the upgrade
    bool only_tls_1_2 = false;
    bool hangs_before_tls = false;
    bool hangs_before_upgrade = false;
    std::string garbage_before_tls;
    std::function<task<void>(server_link&)> serve; // empty: reads until the agent is gone
};

class loopback_cloud {
public:
    loopback_cloud(asio::io_context& context, cloud_manner manner);
    ~loopback_cloud();

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    std::string url(const std::string& host = "localhost") const
    {
        return "wss://" + host + ":" + std::to_string(port()) + "/v1/connect";
    }
    std::string seen_user_agent, seen_target, seen_host; // of the last upgrade
    std::uint16_t closed_with = 0;

    void stop() { connections_.stop(); }
    task<void> gone() { return connections_.join(); }

private:
    task<void> accept();
    task<void> handle(asio::ip::tcp::socket socket);

    cloud_manner manner_;
    asio::ip::tcp::acceptor acceptor_;
    task_group connections_;
};

// An HTTP proxy: answers CONNECT with `answer`, and where that is empty with 200 and a tunnel.
class loopback_proxy {
public:
    loopback_proxy(asio::io_context& context, std::string answer, bool hangs = false);

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    std::string seen; // the last request

    void stop() { connections_.stop(); }
    task<void> gone() { return connections_.join(); }

private:
    task<void> accept();
    task<void> handle(asio::ip::tcp::socket socket);

    std::string answer_;
    bool hangs_;
    asio::ip::tcp::acceptor acceptor_;
    task_group connections_;
};

} // namespace relay::test
