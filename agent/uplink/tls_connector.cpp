#include "agent/uplink/tls_connector.hpp"

#include "agent/uplink/name_lookup.hpp"
#include "agent/uplink/proxy_tunnel.hpp"
#include "agent/uplink/tcp_race.hpp"
#include "agent/uplink/tls_handshake.hpp"
#include "agent/uplink/websocket_link.hpp"

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

std::string seconds_of(duration limit)
{
    const auto whole = std::chrono::ceil<std::chrono::seconds>(limit).count();
    return std::to_string(whole) + " s";
}

// Runs one step under its deadline; what it says about itself goes into the report.
class stopwatch {
public:
    stopwatch(time_source& time, duration limit, dial_report& report)
        : time_(time),
          limit_(limit),
          report_(report)
    {
    }

    template <class T>
    task<outcome<T>> run(step at, std::string what, task<outcome<T>> work)
    {
        using namespace asio::experimental::awaitable_operators;
        begun_ = time_.now();
        auto first = co_await (std::move(work) || time_.sleep_for(limit_));
        if (const auto* woke = std::get_if<1>(&first)) {
            if (woke->failed())
                co_return failed{at, *woke, what + " was given up"}; // our caller is being cancelled
            co_return failed{at, asio::error::timed_out, what + " took longer than " + seconds_of(limit_)};
        }
        co_return std::get<0>(std::move(first));
    }

    void note(step what, std::string detail)
    {
        report_.steps.push_back({what, std::move(detail), time_.now() - begun_});
    }

private:
    time_source& time_;
    duration limit_;
    dial_report& report_;
    steady_time begun_{};
};

task<outcome<std::vector<tcp::endpoint>>> look_up(name_lookup& names, std::string host, std::uint16_t port)
{
    auto found = co_await names.resolve(host, port);
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

} // namespace

struct tls_connector::loaded {
    dial_settings settings;
    cloud_address address;
    tls::context_ptr context;
};

tls_connector::tls_connector(asio::any_io_executor executor, time_source& time)
    : time_(time),
      names_(std::make_unique<name_lookup>(std::move(executor)))
{
}

tls_connector::~tls_connector() = default;

outcome<void> tls_connector::load(dial_settings settings)
{
    const auto address = parse_cloud_url(settings.url);
    if (address.has_error())
        return failed{step::settings, errc::not_found,
                      "cloud.url cannot be used: " + address.error().message};
    const auto context = tls::make_client_context(settings.files);
    if (context.has_error())
        return failed{step::settings, context.error().code, context.error().message};
    settings.step_limit = std::clamp<duration>(settings.step_limit, 1ms, 10s); // PROTOCOL.md: 10 s at most
    loaded_ = std::make_shared<const loaded>(loaded{std::move(settings), *address, *context});
    return {};
}

std::string tls_connector::url() const
{
    return loaded_ ? loaded_->settings.url : std::string();
}

task<outcome<link_ptr>> tls_connector::connect()
{
    dial_report unread;
    co_return co_await dial(unread);
}

task<outcome<link_ptr>> tls_connector::dial(dial_report& report)
{
    const auto now = loaded_; // load() may replace it meanwhile
    if (!now)
        co_return failed{step::settings, errc::not_found, "the connection to the cloud is not configured"};
    const auto& address = now->address;
    const auto proxy = choose_proxy(now->settings.proxy, address, now->settings.environment);
    if (proxy.has_error())
        co_return failed{step::proxy, errc::not_found, proxy.error().message};
    const auto& via = *proxy;
    const auto first_host = via ? via->host : address.host;
    const auto first_hop = via ? "the proxy " + via->authority() : address.authority();
    report.proxy = via ? via->authority() : std::string();
    stopwatch steps(time_, now->settings.step_limit, report);

    auto addresses = co_await steps.run(step::name, "the name look-up of " + first_host,
                                        look_up(*names_, first_host, via ? via->port : address.port));
    if (addresses.has_error())
        co_return addresses.error();
    steps.note(step::name, list(*addresses));

    auto socket = co_await steps.run(step::tcp, "connecting to " + first_hop + " (" + list(*addresses) + ")",
                                     reach(time_, *addresses, first_hop));
    if (socket.has_error())
        co_return socket.error();
    error_code gone; // the peer may have left already: the next step will say so
    steps.note(step::tcp, socket->remote_endpoint(gone).address().to_string());

    if (via) {
        const auto tunnel =
            co_await steps.run(step::proxy, "CONNECT to " + address.authority() + " by " + first_hop,
                               open_tunnel(*socket, *via, address.authority()));
        if (tunnel.has_error())
            co_return tunnel.error();
        steps.note(step::proxy, first_hop);
    }

    auto secured = co_await steps.run(step::tls, "the TLS handshake with " + address.authority(),
                                      secure(*std::move(socket), now->context, address));
    if (secured.has_error())
        co_return secured.error();
    report.peer = peer_of(*secured);
    steps.note(step::tls, version_of(*secured) + ", " + report.peer.subject);

    auto done = co_await steps.run(step::upgrade, "the WebSocket upgrade by " + address.authority(),
                                   upgrade(time_, *std::move(secured), address, now->settings.user_agent));
    if (done.has_error())
        co_return done.error();
    report.server_time = done->server_time;
    steps.note(step::upgrade, address.target);
    co_return std::move(done->link);
}

} // namespace relay::uplink
