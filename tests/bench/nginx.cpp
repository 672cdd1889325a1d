#include "tests/bench/nginx.hpp"

#include "tests/support/relay_world.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

#include <fstream>

namespace relay::bench {
namespace {

using boost::asio::ip::tcp;

constexpr auto configuration = R"(daemon off;
worker_processes 1;
error_log {0}/error.log;
pid {0}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {0}/body;
    proxy_temp_path {0}/proxy;
    fastcgi_temp_path {0}/fastcgi;
    uwsgi_temp_path {0}/uwsgi;
    scgi_temp_path {0}/scgi;
    upstream exchange {{ server {1}; keepalive 64; keepalive_requests 10000000; }}
    server {{
        listen 127.0.0.1:{2} ssl;
        server_name localhost;
        ssl_certificate {3}/exchange-server.crt;
        ssl_certificate_key {3}/exchange-server.key;
        keepalive_requests 10000000;
        location / {{
            proxy_pass https://exchange;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_ssl_trusted_certificate {3}/corp-ca.crt;
            proxy_ssl_verify on;
            proxy_ssl_name localhost;
            proxy_ssl_session_reuse on;
        }}
    }}
}}
)";

bool answers(const std::string& port)
{
    boost::asio::io_context context;
    tcp::socket socket(context);
    boost::system::error_code ec;
    socket.connect({boost::asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoi(port))},
                   ec);
    return !ec;
}

} // namespace

std::string free_port()
{
    boost::asio::io_context context;
    const tcp::acceptor probe(context, {boost::asio::ip::address_v4::loopback(), 0});
    return std::to_string(probe.local_endpoint().port());
}

nginx::nginx(const std::string& ews_url, const test::fs::path& pki) : port_(free_port())
{
    const auto begin = ews_url.find("://") + 3;
    const auto upstream = ews_url.substr(begin, ews_url.find('/', begin) - begin);
    const auto file = folder_.path() / "nginx.conf";
    std::ofstream(file) << fmt::format(configuration, folder_.path().string(), upstream, port_, pki.string());
    process_.emplace("/usr/sbin/nginx",
                     test::process::options{.arguments = {"-p", folder_.path().string(), "-c", file.string()},
                                            .environment = {},
                                            .standard_error = folder_.path() / "stderr.log",
                                            .folder = {}});
    if (!test::eventually([&] { return answers(port_); }))
        throw std::runtime_error("nginx did not come up");
}

} // namespace relay::bench
