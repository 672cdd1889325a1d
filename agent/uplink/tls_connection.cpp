#include "agent/uplink/tls_connection.hpp"

#include "agent/http/blocking_executor.hpp"
#include "agent/uplink/proxy_tunnel.hpp"
#include "agent/uplink/tcp_race.hpp"
#include "agent/uplink/tls_handshake.hpp"
#include "common/platform/process.hpp"

namespace relay::uplink {
namespace {

using asio::ip::tcp;

std::string list(const std::vector<tcp::endpoint>& endpoints)
{
    std::string text;
    for (std::size_t i = 0; i < endpoints.size() && i < most_addresses; ++i)
        text += (i == 0 ? "" : ", ") + endpoints[i].address().to_string();
    return text;
}

task<outcome<std::vector<tcp::endpoint>>> look_up(name_lookup& names, std::string host, std::uint16_t port)
{
    auto found = co_await names.resolve(host, port);
    if (found.has_error() && platform::files_run_out())
        co_return failed{step::name, asio::error::no_descriptors,
                         "no connection to " + host +
                             " can be made: " + std::string(platform::no_files_left)};
    if (found.has_error())
        co_return failed{step::name, found.error(),
                         "the name " + host + " cannot be resolved: " + found.error().message()};
    co_return *std::move(found);
}

task<outcome<tcp::socket>> reach(time_source& time, std::vector<tcp::endpoint> addresses,
                                 std::string authority)
{
    const auto tried = list(addresses);
    auto socket = co_await connect_any(time, std::move(addresses));
    if (socket.has_error())
        co_return failed{step::tcp, socket.error(),
                         "cannot connect to " + authority + " (" + tried + "): " + socket.error().message()};
    co_return *std::move(socket);
}

// Those that failed before are connected to only where no other one can be.
task<outcome<tcp::socket>> reach_in_order(time_source& time, dialling_order order, std::string authority)
{
    auto socket = co_await reach(time, std::move(order.first), authority);
    if (socket.has_error() && !order.last.empty())
        socket = co_await reach(time, std::move(order.last), authority);
    co_return socket;
}

bool is_literal(const std::string& host)
{
    error_code not_literal;
    asio::ip::make_address(host, not_literal);
    return !not_literal.failed();
}

} // namespace

task<outcome<tcp::socket>> dial_tcp(dial_steps& steps, name_lookup& names, http::address_memory& memory,
                                    std::string host, std::uint16_t port, std::string hop)
{
    const auto addresses =
        co_await steps.run(step::name, "the name look-up of " + host, look_up(names, host, port));
    if (addresses.has_error())
        co_return addresses.error();
    steps.note(step::name, list(*addresses));

    steps.report().reached.reset();
    auto order = in_order(memory, *addresses);
    const auto tried_first = order.first;
    auto socket = co_await steps.run(step::tcp, "connecting to " + hop + " (" + list(*addresses) + ")",
                                     reach_in_order(steps.time(), std::move(order), hop));
    if (socket.has_error()) {
        for (const auto& one : tried_first) // one that drops every packet uses up the time of all
            memory.failed(one.address());
        co_return socket.error();
    }
    error_code gone; // the peer may have left already: the next step will say so
    const auto peer = socket->remote_endpoint(gone).address();
    if (!gone.failed())
        steps.report().reached = peer;
    steps.report().reached_by_name = !is_literal(host);
    steps.note(step::tcp, peer.to_string());
    co_return socket;
}

namespace {

constexpr duration read_trust_limit = 10s;

// Whom the system trusts: cloud.ca_file is for the cloud.
task<outcome<tls::context_ptr>> trust_for_proxy(http::blocking_executor& blocking_executor)
{
    const auto read = [] { return tls::make_client_context({}); };
    auto trusted = co_await blocking_executor.run(read, std::chrono::steady_clock::now() + read_trust_limit);
    if (trusted.has_error())
        co_return failed{step::proxy, trusted.error(),
                         "the system's trust store cannot be read: " + trusted.error().message()};
    if (trusted->has_error())
        co_return failed{step::proxy, trusted->error().code, trusted->error().message};
    co_return **trusted;
}

// TLS to the proxy, if it is an https:// one.
task<outcome<hop_stream>> reach_proxy(proxy_url via, hop_stream hop,
                                      http::blocking_executor& blocking_executor)
{
    if (!via.encrypted)
        co_return std::move(hop);
    auto trusted = co_await trust_for_proxy(blocking_executor);
    if (trusted.has_error())
        co_return trusted.error();
    co_return co_await secure_hop(std::move(hop.socket()), *std::move(trusted), via);
}

task<outcome<tunnel>> reach_through(time_source& time, const proxy_url& via, const proxy_rule& rule,
                                    std::string target, hop_stream hop,
                                    http::blocking_executor& blocking_executor)
{
    error_code gone; // then the first CONNECT will say so
    const auto peer = hop.socket().remote_endpoint(gone);
    const redial again = [&, peer]() -> task<outcome<hop_stream>> {
        std::vector<tcp::endpoint> there{peer};
        auto socket = co_await reach(time, std::move(there), "the proxy " + via.authority());
        if (socket.has_error())
            co_return socket.error();
        co_return co_await reach_proxy(via, hop_stream(*std::move(socket)), blocking_executor);
    };
    auto ready = co_await reach_proxy(via, std::move(hop), blocking_executor);
    if (ready.has_error())
        co_return ready.error();
    co_return co_await open_tunnel(*std::move(ready), via, rule, std::move(target), again, blocking_executor);
}

task<outcome<hop_stream>> go_through(dial_steps& steps, const proxy_url& via, const proxy_rule& rule,
                                     const web_url& address, hop_stream hop,
                                     http::blocking_executor& blocking_executor)
{
    const auto first_hop = "the proxy " + via.authority();
    auto opened = co_await steps.run(
        step::proxy, "CONNECT to " + address.authority() + " by " + first_hop,
        reach_through(steps.time(), via, rule, address.authority(), std::move(hop), blocking_executor));
    if (opened.has_error())
        co_return opened.error();
    steps.report().proxy_sign_in = opened->signed_in_by;
    steps.report().proxy_encrypted = via.encrypted;
    steps.note(step::proxy, first_hop);
    co_return std::move(opened->hop);
}

task<outcome<tls_stream>> dial_once(dial_steps& steps, name_lookup& names, http::address_memory& memory,
                                    http::blocking_executor& blocking_executor, const dial_settings& settings,
                                    const web_url& address, tls::context_ptr context)
{
    const auto proxy = choose_proxy(settings.proxy, address, settings.environment);
    if (proxy.has_error())
        co_return failed{step::proxy, errc::not_found, proxy.error().message};
    const auto& via = *proxy;
    const auto first_host = via ? via->host : address.host;
    const auto first_hop = via ? "the proxy " + via->authority() : address.authority();
    steps.report().proxy = via ? via->authority() : std::string();

    auto socket =
        co_await dial_tcp(steps, names, memory, first_host, via ? via->port : address.port, first_hop);
    if (socket.has_error())
        co_return socket.error();

    hop_stream hop(*std::move(socket));
    if (via) {
        auto tunnelled =
            co_await go_through(steps, *via, settings.proxy, address, std::move(hop), blocking_executor);
        if (tunnelled.has_error())
            co_return tunnelled.error();
        hop = *std::move(tunnelled);
    }

    auto secured = co_await steps.run(step::tls, "the TLS handshake with " + address.authority(),
                                      secure(std::move(hop), context, address, steps.report().peer));
    if (secured.has_error())
        co_return secured.error();
    steps.note(step::tls, version_of(*secured) + ", " + steps.report().peer.subject);
    co_return secured;
}

} // namespace

task<outcome<tls_stream>> dial_tls(dial_steps& steps, name_lookup& names, http::address_memory& memory,
                                   http::blocking_executor& blocking_executor, const dial_settings& settings,
                                   const web_url& address, tls::context_ptr context)
{
    auto secured = co_await dial_once(steps, names, memory, blocking_executor, settings, address, context);
    if (secured.has_error())
        co_return blame_address(std::move(secured).error(), steps.report(), memory);
    co_return secured;
}

failed blame_address(failed why, const dial_report& report, http::address_memory& memory)
{
    if (!report.reached || why.code == asio::error::operation_aborted)
        return why;
    memory.failed(*report.reached);
    if (report.reached_by_name)
        why.message += " (at " + report.reached->to_string() + ")";
    return why;
}

} // namespace relay::uplink
