// Keep-alive HTTPS connections on one thread: what a capable client of a reverse proxy does, and what carries the bytes
// of byte-pipe. As little as possible stands between the caller and the socket.
#pragma once

#include "agent/http/http.hpp"
#include "common/async/notifier.hpp"

#include <memory>
#include <string>
#include <vector>

namespace relay::bench {

struct pool_settings {
    std::string host = "localhost";
    std::string port;
    std::string target = "/EWS/Exchange.asmx";
    std::string ca_file;
    std::string authorization; // value of the header
    std::size_t connections = 64;
};

// Loop thread only. perform() waits for a free connection; limits of requests are not looked at.
class https_pool final : public http::transport {
public:
    https_pool(const asio::any_io_executor& executor, pool_settings settings);
    ~https_pool() override;

    task<http::outcome> perform(http::request r) override;

private:
    struct connection;
    task<std::unique_ptr<connection>> dial();

    struct tls;
    pool_settings settings_;
    std::unique_ptr<tls> tls_;
    notifier freed_;
    std::vector<std::unique_ptr<connection>> idle_;
    std::size_t open_ = 0;
};

} // namespace relay::bench
