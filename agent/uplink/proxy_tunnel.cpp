#include "agent/uplink/proxy_tunnel.hpp"

#include "agent/uplink/wording.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

namespace relay::uplink {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

using parser = http::response_parser<http::empty_body>;

http::request<http::empty_body> make_request(const proxy_address& proxy, const std::string& target)
{
    http::request<http::empty_body> request{http::verb::connect, target, 11};
    request.set(http::field::host, target);
    if (!proxy.authorization.empty())
        request.set(http::field::proxy_authorization, proxy.authorization);
    return request;
}

// The schemes a 407 offers: "Negotiate, Basic". The challenges themselves are left out.
std::string offered_schemes(const parser::value_type& answer)
{
    std::string schemes;
    const auto [first, last] = answer.equal_range(http::field::proxy_authenticate);
    for (auto at = first; at != last && schemes.size() < 100; ++at) {
        const std::string_view challenge(at->value().data(), at->value().size());
        schemes += (schemes.empty() ? "" : ", ") + printable(challenge.substr(0, challenge.find(' ')));
    }
    return schemes.empty() ? "none" : schemes;
}

outcome<void> judge(const parser::value_type& answer, const proxy_address& proxy, const std::string& target)
{
    const auto who = "the proxy " + proxy.authority();
    if (answer.result() == http::status::proxy_authentication_required) {
        const auto offers = " (it offers: " + offered_schemes(answer) + ")";
        return failed{step::proxy, errc::proxy_auth_required,
                      proxy.authorization.empty()
                          ? who + " wants a user name and a password" + offers
                          : who + " refuses the user name or password, or wants another sign-in than Basic" +
                                offers};
    }
    if (http::to_status_class(answer.result()) != http::status_class::successful)
        return failed{step::proxy, errc::proxy_refused,
                      who + " does not connect to " + target + ": it answers " +
                          std::to_string(answer.result_int()) + " " +
                          printable({answer.reason().data(), answer.reason().size()})};
    return {};
}

} // namespace

task<outcome<void>> open_tunnel(asio::ip::tcp::socket& socket, const proxy_address& proxy, std::string target)
{
    const auto who = "the proxy " + proxy.authority();
    const auto request = make_request(proxy, target);
    const auto [not_sent, sent] = co_await http::async_write(socket, request, use_tuple);
    if (not_sent.failed())
        co_return failed{step::proxy, not_sent, who + " closed the connection: " + not_sent.message()};

    beast::flat_buffer buffer(most_proxy_header_bytes);
    parser answer;
    answer.skip(true); // a 2xx to CONNECT has no body, and that of any other is of no use
    answer.header_limit(most_proxy_header_bytes);
    const auto [not_read, read] = co_await http::async_read_header(socket, buffer, answer, use_tuple);
    if (not_read == http::error::end_of_stream || not_read == asio::error::eof)
        co_return failed{step::proxy, errc::proxy_refused, who + " closed the connection without an answer"};
    if (not_read.failed()) {
        const bool garbage =
            not_read.category() == http::make_error_code(http::error::bad_version).category();
        co_return failed{step::proxy, garbage ? make_error_code(errc::protocol_violation) : not_read,
                         garbage ? who + " does not answer in HTTP (" + not_read.message() + ")"
                                 : who + " did not answer: " + not_read.message()};
    }
    if (auto verdict = judge(answer.get(), proxy, target); verdict.has_error())
        co_return verdict.error();
    // The cloud does not speak before our ClientHello, so these bytes are the proxy's own.
    if (buffer.size() != 0)
        co_return failed{step::proxy, errc::protocol_violation, who + " sent data that belongs to no answer"};
    co_return outcome<void>();
}

} // namespace relay::uplink
