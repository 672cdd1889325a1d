#include "agent/uplink/cloud_post.hpp"

#include "agent/http/address_memory.hpp"
#include "agent/http/blocking_executor.hpp"
#include "agent/uplink/name_lookup.hpp"
#include "agent/uplink/tls_connection.hpp"
#include "agent/uplink/websocket_link.hpp"

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace relay::uplink {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::uint32_t most_header_bytes = 16 * 1024;
constexpr int most_dials = 3;

// Where another address of the same name may do better.
bool may_be_the_address(const failed& why)
{
    return why.at == step::tls && (why.code == asio::error::timed_out || why.code == errc::link_closed ||
                                   why.code == asio::error::connection_reset);
}

failed explain(error_code ec, const tls_stream& stream, const std::string& where)
{
    if (ec == http::error::end_of_stream || ec == asio::error::eof ||
        ec == asio::ssl::error::stream_truncated)
        return {step::serving, errc::link_closed, where + " closed the connection without an answer"};
    if (ec == http::error::body_limit || ec == http::error::header_limit ||
        ec == http::error::buffer_overflow)
        return {step::serving, errc::protocol_violation, where + " sends more than an answer can hold"};
    if (ec.category() == http::make_error_code(http::error::bad_version).category())
        return {step::serving, errc::protocol_violation,
                where + " does not answer in HTTP (" + ec.message() + ")"};
    if (ec.category() == asio::error::get_ssl_category()) {
        const auto why = stream.check->explain(ec); // with TLS 1.3 a certificate is refused only now
        return {step::serving, why.code, where + ": " + why.message};
    }
    return {step::serving, ec, "the connection to " + where + " broke: " + ec.message()};
}

task<outcome<post_answer>> converse(tls_stream& stream, const web_url& address,
                                    const http::request<http::string_body>& request)
{
    auto& tls = stream.core->tls;
    const auto [not_sent, sent] = co_await http::async_write(tls, request, use_tuple);
    if (not_sent.failed())
        co_return explain(not_sent, stream, address.authority());
    beast::flat_buffer buffer(most_header_bytes + most_answer_bytes);
    http::response_parser<http::string_body> parser;
    parser.header_limit(most_header_bytes);
    parser.body_limit(most_answer_bytes);
    const auto [not_read, read] = co_await http::async_read(tls, buffer, parser, use_tuple);
    if (not_read.failed())
        co_return explain(not_read, stream, address.authority());
    auto answer = parser.release();
    const auto date = answer[http::field::date];
    co_return post_answer{static_cast<int>(answer.result_int()), std::move(answer.body()),
                          parse_http_date({date.data(), date.size()})};
}

http::request<http::string_body> make_request(const web_url& address, const std::string& user_agent,
                                              std::string body)
{
    http::request<http::string_body> request{http::verb::post, address.target, 11};
    // Port 443 goes without saying (RFC 9112, section 3.2), and some gateways route by the bare name.
    const auto authority = address.authority();
    request.set(http::field::host,
                address.port == 443 ? authority.substr(0, authority.rfind(':')) : authority);
    request.set(http::field::user_agent, user_agent);
    request.set(http::field::content_type, "application/json");
    request.set(http::field::accept, "application/json");
    request.set(http::field::connection, "close");
    request.body() = std::move(body);
    request.prepare_payload();
    return request;
}

} // namespace

task<outcome<post_answer>> post_json(time_source& time, dial_settings settings, std::string body)
{
    const auto parsed = parse_web_url(settings.url, "https");
    if (parsed.has_error())
        co_return failed{step::settings, errc::not_found, settings.url + ": " + parsed.error().message};
    const auto& address = *parsed;
    const auto context = tls::make_client_context(settings.files);
    if (context.has_error())
        co_return failed{step::settings, context.error().code, context.error().message};

    name_lookup names(co_await asio::this_coro::executor);
    relay::http::blocking_executor blocking_executor;
    dial_report unread;
    dial_steps steps(time, std::clamp<duration>(settings.step_limit, 1ms, 10s), unread);
    // Who asks once only, or once an hour, would meet the same silent address again and again.
    relay::http::address_memory memory;
    auto stream = co_await dial_tls(steps, names, memory, blocking_executor, settings, address, *context);
    for (int tries = 1; stream.has_error() && may_be_the_address(stream.error()) && tries < most_dials;
         ++tries)
        stream = co_await dial_tls(steps, names, memory, blocking_executor, settings, address, *context);
    if (stream.has_error())
        co_return stream.error();
    steps.allow(answer_limit);
    const auto request = make_request(address, settings.user_agent, std::move(body));
    auto answer = co_await steps.run(step::serving, "the answer of " + address.authority(),
                                     converse(*stream, address, request));
    co_return answer;
}

} // namespace relay::uplink
