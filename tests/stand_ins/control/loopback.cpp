#include "tests/stand_ins/control/loopback.hpp"

#include <boost/asio/error.hpp>

#include <charconv>
#include <cstdint>

namespace relay::stand_in {
namespace asio = boost::asio;
using asio::ip::tcp;

result<tcp::endpoint> parse_loopback(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == text.npos)
        return error_code(asio::error::invalid_argument);
    auto host = text.substr(0, colon);
    const auto port_text = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, bad] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
    if (bad != std::errc{} || port_text.empty() || end != port_text.data() + port_text.size())
        return error_code(asio::error::invalid_argument);
    if (host == "localhost")
        host = "127.0.0.1";
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    error_code ec;
    const auto address = asio::ip::make_address(host, ec);
    if (ec)
        return error_code(asio::error::invalid_argument);
    if (!address.is_loopback())
        return error_code(asio::error::access_denied);
    return tcp::endpoint(address, port);
}

result<void> listen_on(tcp::acceptor& acceptor, const tcp::endpoint& endpoint)
{
    error_code ec;
    acceptor.open(endpoint.protocol(), ec);
    if (!ec)
        acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec)
        acceptor.bind(endpoint, ec);
    if (!ec)
        acceptor.listen(boost::asio::socket_base::max_listen_connections, ec);
    if (ec)
        return ec;
    return {};
}

std::string endpoint_text(const tcp::endpoint& endpoint)
{
    const auto address = endpoint.address().to_string();
    const auto port = std::to_string(endpoint.port());
    return endpoint.address().is_v6() ? '[' + address + "]:" + port : address + ':' + port;
}

} // namespace relay::stand_in
