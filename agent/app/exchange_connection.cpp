#include "agent/app/exchange_connection.hpp"

#include "agent/app/password.hpp"
#include "agent/app/version.hpp"
#include "common/url/url.hpp"

namespace relay::app {

http::client_settings http_settings(const config::exchange_settings& s)
{
    http::client_settings c;
    c.url = s.url;
    c.auth = s.auth;
    c.username = s.username;
    c.keytab = s.keytab_file;
    c.password = make_password_source(s);
    c.ca_file = s.ca_file;
    c.certificate_sha256 = s.certificate_sha256;
    c.channel_binding = s.channel_binding;
    c.allow_plaintext = s.allow_plaintext;
    c.max_connections = static_cast<std::size_t>(s.max_connections);
    c.user_agent = "workestra-relay/" + std::string(app::version());
    return c;
}

ews::client_settings ews_settings(const config::exchange_settings& s)
{
    const auto url = parse_web_url(s.url);
    return {url.has_value() ? url->host : std::string(), s.username, {}};
}

exchange_connection::exchange_connection(const config::exchange_settings& settings,
                                         const std::filesystem::path& data_folder, time_source& time,
                                         std::shared_ptr<spdlog::logger> log,
                                         std::function<void(const ews::request_report&)> on_request)
    : refusal_file_(data_folder / "exchange.refused"),
      time_(time),
      log_(std::move(log)),
      on_request_(std::move(on_request)),
      settings_(settings),
      client_(transport_, time, reporting_settings())
{
    transport_.client = make_client(settings_);
}

bool exchange_connection::apply(const config::exchange_settings& settings, http::groundwork fresh)
{
    if (!transport_.client)
        return false; // closed
    if (settings == settings_ && transport_.client->stands_on(fresh)) {
        transport_.client->credentials_changed(std::move(fresh.password));
        return false;
    }
    settings_ = settings;
    transport_.client = make_client(settings_, std::move(fresh));
    client_.reconfigure(reporting_settings());
    return true;
}

std::size_t exchange_connection::in_flight() const
{
    return transport_.client ? transport_.client->now().in_flight : 0;
}

ews::client_settings exchange_connection::reporting_settings() const
{
    auto s = ews_settings(settings_);
    s.on_request = on_request_;
    s.on_left_out = [log = log_](const mailbox_address& mailbox) {
        log->debug("exchange: the free/busy answer for {} has entries that end before they start or were "
                   "never given a time; "
                   "they are left out",
                   mailbox.str());
    };
    return s;
}

void exchange_connection::machine_slept()
{
    if (transport_.client)
        transport_.client->machine_slept();
}

void exchange_connection::close()
{
    transport_.client.reset();
}

std::shared_ptr<http::client> exchange_connection::make_client(const config::exchange_settings& s,
                                                               http::groundwork first)
{
    auto settings = http_settings(s);
    settings.refusal_file = refusal_file_;
    return std::make_shared<http::client>(std::move(settings), time_, log_, std::move(first));
}

task<http::outcome> exchange_connection::latest::perform(http::request r)
{
    const auto used = client; // lives until the request is done
    if (!used)
        co_return http::failed{asio::error::operation_aborted, http::reached::nothing, "the agent stops"};
    co_return co_await used->perform(std::move(r));
}

} // namespace relay::app
