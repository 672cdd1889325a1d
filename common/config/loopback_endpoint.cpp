#include "common/config/loopback_endpoint.hpp"

#include "common/text/text.hpp"

#include <boost/asio/ip/address.hpp>

#include <charconv>

namespace relay::config {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text)
{
    unsigned value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || value > 65535)
        return std::nullopt;
    return static_cast<std::uint16_t>(value);
}

} // namespace

std::optional<loopback_endpoint> parse_loopback_endpoint(std::string_view text)
{
    const auto colon = text.rfind(':');
    if (colon == text.npos)
        return std::nullopt;
    auto host = text.substr(0, colon);
    const auto port = parse_port(text.substr(colon + 1));
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    if (ascii_iequals(host, "localhost"))
        host = "127.0.0.1";
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(std::string(host), ec);
    if (ec || !port || !address.is_loopback() || address.is_v6() != bracketed)
        return std::nullopt;
    return loopback_endpoint{address.to_string(), *port};
}

} // namespace relay::config
