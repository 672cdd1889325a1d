// What a customer runs today: nginx as TLS reverse proxy in front of Exchange, keep-alive on both sides.
#pragma once

#include "tests/support/process.hpp"
#include "tests/support/temporary_folder.hpp"

#include <string>

namespace relay::bench {

class nginx {
public:
    // Listens on 127.0.0.1 with `certificate` and passes everything to `ews_url`, whose certificate it checks.
    // Throws std::runtime_error where nginx is not installed or does not come up.
    nginx(const std::string& ews_url, const test::fs::path& pki);

    const std::string& port() const noexcept { return port_; }

private:
    test::temporary_folder folder_;
    std::string port_;
    std::optional<test::process> process_;
};

// A TCP port of 127.0.0.1 that nobody uses just now.
std::string free_port();

} // namespace relay::bench
