// The whole agent: builds the parts, runs them, stops them. Reads top to bottom as the list of what it is made of.
#pragma once

#include "agent/admin/server.hpp"
#include "agent/app/cloud_settings.hpp"
#include "agent/app/exchange_connection.hpp"
#include "agent/app/queue_numbers.hpp"
#include "agent/app/trust_watch.hpp"
#include "agent/commands/dispatcher.hpp"
#include "agent/enrolment/renewal.hpp"
#include "agent/http/blocking_executor.hpp"
#include "agent/policy/policy.hpp"
#include "agent/status/recorder.hpp"
#include "agent/status/server.hpp"
#include "agent/status/site.hpp"
#include "agent/store/loop/audit_log.hpp"
#include "agent/store/loop/inbox.hpp"
#include "agent/store/loop/outbox.hpp"
#include "agent/store/queue_store.hpp"
#include "agent/uplink/tls_connector.hpp"
#include "agent/uplink/uplink.hpp"
#include "agent/watch/event_watcher.hpp"
#include "agent/watch/streams.hpp"
#include "agent/watch/subscription_set.hpp"
#include "agent/watch/watcher.hpp"
#include "common/config/settings.hpp"
#include "common/time/machine_time.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>
#include <vector>

namespace relay::app {

// Why the agent does not start: one sentence that says what to do.
struct cannot_start {
    std::string message;
};

// Everything lives on the thread that runs `context`.
class agent final : private commands::command_listener, private watch::watch_listener {
public:
    // Reads the certificate and opens the queue. `context` outlives the agent.
    static boost::system::result<std::unique_ptr<agent>, cannot_start>
    make(asio::io_context& context, config::settings settings, std::shared_ptr<spdlog::logger> log);
    ~agent() override;
    agent(const agent&) = delete;
    agent& operator=(const agent&) = delete;

    // Works until stop() and the drain that follows; then everything is closed and delivered as far as it could be.
    // Throws where the agent cannot go on: what() is one sentence that says why and what comes next.
    task<void> run();

    // No new commands; running ones get agent.drain_timeout_s. Idempotent.
    void stop();
    // Ends now: what runs is cut off and looked up at the next start.
    void force_stop();

    // What an administrator should know of a reload.
    struct reloaded {
        std::vector<std::string> refused; // what cannot be used: the old one stays
        std::vector<std::string> notes;   // such as what takes effect at the next start only
    };
    // Takes new settings into use without dropping a command, and reads anew what they name: certificates, keys, the
    // password. One at a time.
    task<reloaded> reload(config::settings settings);

    // Since the start.
    std::uint64_t commands_ended() const { return recorder_.commands().total(); }

    // Called after every change of the link's state.
    void on_link_change(std::function<void(const uplink::link_status&)> listener)
    {
        uplink_.on_change(std::move(listener));
    }

private:
    struct opened; // what make() has to have before the rest can be built
    agent(asio::io_context& context, config::settings settings, std::shared_ptr<spdlog::logger> log,
          opened o);

    protocol::checked<protocol::operation_ptr> admit(const protocol::command& c) const;

    // What the parts hear of one another.
    void command_ended(const protocol::ended_command& c) override;
    void watches_changed() override;
    void event_settled(const mailbox_address& host, const std::optional<store::event_write>& w) override;
    void mailbox_changed(const mailbox_address& mailbox) override;
    void coverage_changed() override { event_watcher_.coverage_changed(); }
    void tracked_mailboxes_changed() override { subscriptions_.changed(); }
    void queue_damaged();
    void machine_slept(duration by);

    task<void> reload_log(const config::log_settings& wanted, reloaded& told);
    task<void> reload_cloud(const config::cloud_settings& wanted, reloaded& told);
    task<void> reload_exchange(const config::exchange_settings& wanted, reloaded& told);
    task<boost::json::object> diagnose();
    uplink::hello_facts facts() const;
    task<status::snapshot> snapshot();
    task<void> serve();
    enrolment::renewal::off_loop disk_work();
    enrolment::renewal::in_use renewal_facts() const;
    void use_renewed(const tls::certificate_facts& facts, const enrolment::trust_files& trust);

    config::settings settings_;
    std::shared_ptr<spdlog::logger> log_;
    machine_time time_;
    std::uint64_t seed_;
    utc_time started_at_;
    std::string home_;       // see status::snapshot
    app::identity identity_; // that the cloud is shown
    policy::policy policy_;
    status::recorder recorder_;

    std::unique_ptr<store::queue_store> store_;
    store::outbox outbox_;
    store::inbox inbox_;
    store::audit_log audit_;
    queue_numbers queue_numbers_;
    exchange_connection exchange_;
    commands::dispatcher dispatcher_;
    watch::watcher watcher_;
    watch::streams streams_;
    watch::event_watcher event_watcher_;
    watch::subscription_set subscriptions_;
    std::unique_ptr<uplink::tls_connector> connector_;
    uplink::uplink uplink_;
    http::blocking_executor blocking_; // of the renewal
    enrolment::tls_connection renewal_connection_;
    enrolment::renewal renewal_;
    trust_watch trust_watch_;
    status::site site_;
    status::server status_server_;
    admin::server admin_server_;
    task_group parts_;
    steady_time stop_by_ = steady_time::max(); // end of the drain, once stop() was called
    bool queue_damaged_ = false;
};

} // namespace relay::app
