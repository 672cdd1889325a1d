// Keeps the agent connected to the cloud: dials, introduces itself, moves frames between the link and the two doors of
// the store (inbox, outbox), notices a dead link, reconnects with growing pauses, and says goodbye at the end.
#pragma once

#include "agent/store/loop/inbox.hpp"
#include "agent/store/loop/outbox.hpp"
#include "agent/store/queue_store.hpp"
#include "agent/uplink/link.hpp"
#include "agent/uplink/reconnect_policy.hpp"
#include "agent/uplink/session_end.hpp"
#include "common/async/notifier.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace spdlog {
class logger;
}

namespace relay::uplink {

// What hello says about this agent; the store's part is asked from the store for each session.
struct hello_facts {
    std::string agent_id, agent_name, agent_version, os, host;
    std::vector<std::string> operations;
    int window = 64;
};

enum class link_state { connecting, connected, backoff, rejected, stopped };

std::string_view name(link_state s) noexcept;

struct link_status {
    link_state state = link_state::stopped;
    utc_time since{}; // of this state
    std::string url;
    std::string session;             // of the link that is up, else of the last one
    std::string last_error;          // empty where there was none
    std::uint64_t reconnects = 0;    // sessions after the first
    std::optional<milliseconds> rtt; // of the last answered ping
};

struct uplink_limits {
    duration welcome = 10s; // from the upgrade to `welcome`
    duration drain = 20s;   // agent.drain_timeout_s: running commands at shutdown
    duration deliver = 10s; // results that are ready, when the cloud drains or the configuration changed
    duration close = 3s;    // the closing handshake
    std::size_t batch_frames = 256;
    std::size_t batch_bytes = 64 * 1024;
};

class session;

// Loop thread only. Outlives nothing it is given: connector, inbox, outbox, store, time and log outlive it.
class uplink {
public:
    struct parts {
        connector& dialer;
        store::inbox& inbox;
        store::outbox& outbox;
        store::queue_store& store;
        time_source& time;
        spdlog::logger& log;
    };

    uplink(asio::any_io_executor executor, parts p, hello_facts facts, std::uint64_t seed,
           uplink_limits limits = {});
    ~uplink();
    uplink(const uplink&) = delete;
    uplink& operator=(const uplink&) = delete;

    // Connects and stays connected until stop(), whose drain it carries out before it returns. Cancelling it (terminal)
    // ends it at once, with no goodbye: what was not sent stays in the store. Failures of the store that it cannot
    // work around are retried like failures of the link.
    task<void> run();

    // Asks run() to say goodbye and return: `goodbye`, no more commands, running ones get limits.drain, close 1001.
    // Where there is no link it returns at once. Idempotent.
    void stop();
    // Delivers what is ready, closes and connects anew without a pause (settings or certificate changed).
    void reconnect();
    // Facts for the next hello (policy changed): takes effect with the next session.
    void introduce_as(hello_facts facts) { facts_ = std::move(facts); }

    const link_status& status() const noexcept;
    // Called after every change of state, on the loop thread; at most one listener.
    void on_change(std::function<void(const link_status&)> listener) { changed_ = std::move(listener); }
    // Success once connected (at once where it is); operation_aborted where the waiting coroutine is cancelled.
    task<error_code> connected();

private:
    task<session_end> take_turn();
    task<outcome<link_ptr>> dial();
    task<void> part(link& l, session_end::reason why);
    task<error_code> too_late(link& l);
    task<error_code> requested();
    task<error_code> requested_on(link& l);
    task<bool> rest(duration length);
    duration plan(const session_end& end);
    void enter(link_state s);
    std::string where() const;
    void went_up(std::string session);
    void went_down(const session_end& end);
    void rejected(const protocol::reject& r, duration wait);
    void keep_round_trip() const noexcept;

    asio::any_io_executor executor_;
    parts parts_;
    hello_facts facts_;
    uplink_limits limits_;
    reconnect_policy policy_;
    mutable link_status status_; // its round trip is looked up when asked for
    std::function<void(const link_status&)> changed_;
    session* session_ = nullptr; // the one that is being served
    notifier request_;           // stop() or reconnect() was called
    notifier up_;
    bool stopping_ = false;
    bool reconnect_ = false;
    std::uint64_t sessions_ = 0;
    bool outage_ = false; // its start has been logged
    steady_time outage_since_{};
    std::uint64_t outage_attempts_ = 0; // that failed in it
    std::string rejected_as_;           // the code that has been logged
};

} // namespace relay::uplink
