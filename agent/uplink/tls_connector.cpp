#include "agent/uplink/tls_connector.hpp"

#include "agent/http/address_memory.hpp"
#include "agent/http/blocking_executor.hpp"
#include "agent/uplink/name_lookup.hpp"
#include "agent/uplink/tls_connection.hpp"
#include "agent/uplink/websocket_link.hpp"

namespace relay::uplink {
namespace {

constexpr duration goodbye_limit = 3s;

} // namespace

struct tls_connector::loaded {
    dial_settings settings;
    web_url address;
    tls::context_ptr context;
};

tls_connector::tls_connector(asio::any_io_executor executor, time_source& time)
    : time_(time),
      names_(std::make_unique<name_lookup>(std::move(executor))),
      blocking_(std::make_unique<http::blocking_executor>()),
      memory_(std::make_unique<http::address_memory>())
{
}

tls_connector::~tls_connector() = default;

outcome<tls_connector::loaded_ptr> tls_connector::read(dial_settings settings)
{
    const auto address = parse_web_url(settings.url, "wss");
    if (address.has_error())
        return failed{step::settings, errc::not_found,
                      "cloud.url cannot be used: " + address.error().message};
    const auto context = tls::make_client_context(settings.files);
    if (context.has_error())
        return failed{step::settings, context.error().code, context.error().message};
    settings.step_limit = std::clamp<duration>(settings.step_limit, 1ms, 10s); // PROTOCOL.md: 10 s at most
    return std::make_shared<const loaded>(loaded{std::move(settings), *address, *context});
}

void tls_connector::use(loaded_ptr fresh)
{
    proxy_refusals_ = 0;
    loaded_ = std::move(fresh);
}

outcome<void> tls_connector::load(dial_settings settings)
{
    auto fresh = read(std::move(settings));
    if (fresh.has_error())
        return std::move(fresh).error();
    use(*std::move(fresh));
    return {};
}

std::string tls_connector::url() const
{
    return loaded_ ? loaded_->settings.url : std::string();
}

std::string tls_connector::address() const
{
    return reached_ ? reached_->to_string() : std::string();
}

void tls_connector::judge(link_verdict v)
{
    if (!reached_)
        return;
    if (v == link_verdict::works)
        memory_->worked(*reached_);
    else
        memory_->failed(*reached_);
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
    dial_steps steps(time_, now->settings.step_limit, report);
    if (proxy_refusals_ >= most_proxy_refusals && time_.now() < proxy_again_)
        co_return proxy_refusal_;
    auto secured =
        co_await dial_tls(steps, *names_, *memory_, *blocking_, now->settings, address, now->context);
    if (secured.has_error())
        co_return note_proxy(secured.error());
    proxy_refusals_ = 0;
    reached_ = report.reached;

    auto done = co_await steps.run(
        step::upgrade, "the WebSocket upgrade by " + address.authority(),
        upgrade(time_, *std::move(secured), address, now->settings.user_agent, report.server_time));
    if (done.has_error())
        co_return blame_address(std::move(done).error(), report, *memory_);
    steps.note(step::upgrade, address.target);
    co_return std::move(*done);
}

task<void> leave(time_source& time, link& l)
{
    using namespace asio::experimental::awaitable_operators;
    const auto patience = [&]() -> task<void> {
        const auto ec = co_await time.sleep_for(goodbye_limit);
        if (!ec.failed())
            l.abort();
    };
    co_await (l.close(close_code::normal, "only looking") || patience());
    l.abort();
}

// Counts refusals of the proxy's password; the last one says so where no more follow for a while.
failed tls_connector::note_proxy(failed why)
{
    if (why.at != step::proxy || why.code != asio::error::no_permission) {
        proxy_refusals_ = 0;
        return why;
    }
    if (++proxy_refusals_ >= most_proxy_refusals) {
        why.message += "; the next try is in 5 minutes, or at a reload";
        proxy_refusal_ = why;
        proxy_again_ = time_.now() + proxy_refusal_pause;
    }
    return why;
}

} // namespace relay::uplink
