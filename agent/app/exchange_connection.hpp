// The way to Exchange as the settings want it, replaceable while requests are under way.
#pragma once

#include "agent/ews/ews_client.hpp"
#include "agent/http/client.hpp"
#include "common/config/settings.hpp"

#include <memory>

namespace relay::app {

// What the configuration says about Exchange, as the parts that go there take it.
http::client_settings http_settings(const config::exchange_settings& s);
ews::client_settings ews_settings(const config::exchange_settings& s);

// Loop thread only.
class exchange_connection {
public:
    // `on_request`: see ews::client_settings.
    // `data_folder`: where a refusal of the service account is kept over restarts.
    exchange_connection(const config::exchange_settings& settings, const std::filesystem::path& data_folder,
                        time_source& time, std::shared_ptr<spdlog::logger> log,
                        std::function<void(const ews::request_report&)> on_request);

    ews::exchange& exchange() noexcept { return client_; }
    ews::notifications& notifications() noexcept { return client_; }
    const std::optional<ews::server_version>& version() const noexcept { return client_.version(); }
    // Requests that hold a connection to Exchange now.
    std::size_t in_flight() const;
    // Requests begun from now on use these; those under way end as they were begun. `fresh` was read as `settings` say. False
    // where nothing is another than before; what was refused is tried again all the same.
    bool apply(const config::exchange_settings& settings, http::groundwork fresh);
    // See http::client.
    void machine_slept();
    // Ends what is under way, closes the connections and lets no other request begin, so that the loop may run dry.
    void close();

private:
    // Hands each request to the client of its time.
    class latest final : public http::transport {
    public:
        task<http::outcome> perform(http::request r) override;
        std::shared_ptr<http::client> client; // shared with the requests under way
    };

    std::shared_ptr<http::client> make_client(const config::exchange_settings& settings,
                                              http::groundwork first = {});
    ews::client_settings reporting_settings() const;

    std::filesystem::path refusal_file_;
    time_source& time_;
    std::shared_ptr<spdlog::logger> log_;
    std::function<void(const ews::request_report&)> on_request_;
    config::exchange_settings settings_;
    latest transport_;
    ews::ews_client client_;
};

} // namespace relay::app
