// Finds out what people do by hand to the events that the agent made: looks at their items, compares them with what the
// agent wrote last, and puts what is new into the outbox. Never tells the agent's own changes.
#pragma once

#include "agent/ews/exchange.hpp"
#include "agent/exchange_access/circuit_breaker.hpp"
#include "agent/exchange_access/concurrency_limiter.hpp"
#include "agent/exchange_access/look_up.hpp"
#include "agent/policy/policy.hpp"
#include "agent/store/loop/outbox.hpp"
#include "agent/store/queue_store.hpp"
#include "agent/watch/store_trouble.hpp"
#include "agent/watch/streams.hpp"
#include "agent/watch/watch_listener.hpp"
#include "common/async/notifier.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace spdlog {
class logger;
}

namespace relay::watch {

// Loop thread only. One request is under way at a time, so that it takes one connection to Exchange at most.
class event_watcher {
public:
    static constexpr duration interval = std::chrono::seconds(60);
    // Where notifications say when to look.
    static constexpr duration covered_interval = std::chrono::minutes(10);
    // After a notification: the next ones of the same deed come meanwhile, and what the agent itself does is done.
    static constexpr duration gather = std::chrono::milliseconds(500);
    static constexpr duration between_looks = std::chrono::seconds(2); // at one mailbox
    static constexpr duration after_refusal = std::chrono::minutes(10);
    // Exchange may leave a new item out of what it finds for a while, one that was moved by hand as well.
    static constexpr duration sight = std::chrono::seconds(10);
    // An event is followed until so long after its end.
    static constexpr std::chrono::hours afterwards{24};

    struct parts {
        store::queue_store& store;
        store::outbox& out;
        ews::exchange& exchange;
        exchange_access::circuit_breaker& gate;
        exchange_access::concurrency_limiter& limiter;
        time_source& time;
        const policy::policy& policy; // asked before each look
        const streams& notified;      // which mailboxes' changes notifications tell of
        watch_listener& listener;
        spdlog::logger& log;
    };

    // `request`: how long one request to Exchange may take.
    event_watcher(const asio::any_io_executor& executor, const parts& p, duration request);

    // Looks until the coroutine is cancelled or stop() was called.
    task<void> run();
    // No further look begins.
    void stop();

    // The agent wrote an event of this mailbox, and the store knows.
    void wrote(const mailbox_address& mailbox, const store::event_write& w);
    // Something changed in the mailbox.
    void wake(const mailbox_address& mailbox);
    // streams::covers() may answer otherwise now.
    void coverage_changed();
    void set_request_limit(duration request) { request_ = request; }

    // Those that hold events of the agent.
    std::vector<mailbox_address> mailboxes() const;

private:
    struct host {
        mailbox_address mailbox;
        steady_time due{};
        steady_time looked{};        // last
        bool left_to_others = false; // due so late because notifications tell
        bool lost_some = false;      // the last look let some go
        std::uint64_t written = 0;   // how often the agent wrote there
    };
    // What was seen, and what kept the watcher from seeing all.
    struct sight_of {
        std::vector<store::event_observation> seen;
        std::optional<ews::error> trouble;
    };
    using observation = std::optional<store::event_observation>;

    task<bool> take_up();
    void put(host& h, steady_time due);
    task<void> pause_until(steady_time t);
    task<void> look_at(const std::string& key);
    task<duration> poll(const mailbox_address& mailbox);
    task<sight_of> see(const mailbox_address& mailbox, const std::vector<store::tracked_event>& some);
    task<ews::outcome<std::vector<ews::outcome<ews::item_state>>>> ask(const mailbox_address& mailbox,
                                                                       std::vector<std::string> ids);
    task<ews::outcome<observation>> find(const mailbox_address& mailbox, const store::tracked_event& e);
    observation not_found(const store::tracked_event& e);
    bool is_of_one_item(const ews::error& e) const;
    void went_well(const exchange_access::concurrency_limiter::permit& permit);
    duration after_error(const mailbox_address& mailbox, const ews::error& e);

    parts parts_;
    duration request_;
    std::map<std::string, host> hosts_;                   // by key
    std::set<std::pair<steady_time, std::string>> queue_; // the same, by what is due first
    notifier woken_;
    // Items that were nowhere, by their places: since when.
    std::map<std::int64_t, steady_time> missing_;
    std::string silent_; // the key of the mailbox for which nobody answered last, while no other is answered
    bool look_again_ = false; // the look under way has something that cannot be told yet
    bool stopping_ = false;
    store_trouble store_;
};

} // namespace relay::watch
