// The way to Exchange as the settings want it, replaceable while requests are under way.
#pragma once

#include "agent/ews/ews_client.hpp"
#include "agent/http/client.hpp"
#include "common/config/settings.hpp"

#include <memory>

namespace relay::app {

// Loop thread only.
class exchange_side {
public:
    exchange_side(const config::exchange_settings& settings, time_source& time,
                  std::shared_ptr<spdlog::logger> log);

    ews::exchange& exchange() noexcept { return client_; }
    // Requests begun from now on use these; those under way end as they were begun. The password is read again.
    void apply(const config::exchange_settings& settings);
    // Ends what is under way, closes the connections and lets no other request begin, so that the loop may run dry.
    void close();

private:
    // Hands each request to the client of its time.
    class latest final : public http::transport {
    public:
        task<http::outcome> perform(http::request r) override;
        std::shared_ptr<http::client> client; // shared with the requests under way
    };

    std::shared_ptr<http::client> make_client(const config::exchange_settings& settings);

    time_source& time_;
    std::shared_ptr<spdlog::logger> log_;
    config::exchange_settings settings_;
    latest transport_;
    ews::ews_client client_;
};

} // namespace relay::app
