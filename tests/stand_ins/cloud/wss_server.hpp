// Accepts agents over mutual TLS and carries their frames to the cloud.
#pragma once

#include "common/async/task_group.hpp"
#include "tests/stand_ins/cloud/cloud.hpp"
#include "tests/stand_ins/cloud/enrolment_desk.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

namespace relay::cloud_sim {

struct tls_files {
    std::string certificate, key, client_ca;
    std::string client_ca_key{}; // empty: nobody is enrolled here
};

class wss_server {
public:
    // Throws boost::system::system_error where a file cannot be used.
    wss_server(asio::io_context& context, cloud& c, recorder& disk, const tls_files& files, bool deflate);

    // "127.0.0.1:PORT", port 0 for a free one; loopback only.
    result<void> listen(std::string_view address);
    std::string url() const; // "wss://localhost:PORT/v1/connect"

    // Serves until stop(); then closes the links (1001) and returns when they are gone, within two seconds.
    task<void> run();
    void stop();

    // Connections by how far they came: {"accepted","refused","links"}; refused ones failed TLS or the upgrade.
    json::object counters() const;

    enrolment_desk& desk() noexcept { return desk_; }

private:
    task<void> serve(asio::ip::tcp::socket socket);
    task<void> converse(session& s, class wss_link& link);
    task<void> let_go_when_silent(const session& s, class wss_link& link);

    cloud& cloud_;
    recorder& disk_;
    asio::ssl::context tls_;
    bool deflate_;
    enrolment_desk desk_;
    asio::ip::tcp::acceptor acceptor_;
    task_group links_;
    std::int64_t accepted_ = 0, refused_ = 0;
    std::string last_refusal_;
};

} // namespace relay::cloud_sim
