// Keeps the cloud told of how busy the watched mailboxes are: looks at them by free/busy reads as the service account, compares
// with what the cloud was told last, and puts what is new into the outbox.
#pragma once

#include "agent/ews/exchange.hpp"
#include "agent/exchange_access/availability_question.hpp"
#include "agent/exchange_access/circuit_breaker.hpp"
#include "agent/exchange_access/concurrency_limiter.hpp"
#include "agent/exchange_access/mailbox_quarantine.hpp"
#include "agent/exchange_access/recipients.hpp"
#include "agent/policy/policy.hpp"
#include "agent/store/loop/outbox.hpp"
#include "agent/store/queue_store.hpp"
#include "agent/watch/free_busy_snapshot.hpp"
#include "agent/watch/poll_schedule.hpp"
#include "agent/watch/store_trouble.hpp"
#include "common/async/notifier.hpp"

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace spdlog {
class logger;
}

namespace relay::watch {

// Loop thread only. One look is under way at a time, so that watching takes one connection to Exchange at most.
class watcher {
public:
    struct parts {
        store::queue_store& store;
        store::outbox& out;
        ews::exchange& exchange;
        exchange_access::circuit_breaker&
            gate; // while it says that Exchange is away or wants a pause, nobody is looked at
        exchange_access::concurrency_limiter& limiter;
        exchange_access::mailbox_quarantine& quarantine;
        time_source& time;
        const policy::policy& policy;            // asked before each look
        exchange_access::recipients& recipients; // who addresses are
        spdlog::logger& log;
    };

    // `request`: how long one request to Exchange may take.
    watcher(const asio::any_io_executor& executor, const parts& p, duration request);

    // Takes up the watches of the store and looks until the coroutine is cancelled or stop() was called.
    task<void> run();
    // No further look begins.
    void stop();

    // The store holds other watches now.
    void changed();
    // Something changed in `mailbox`: it is looked at within seconds where it is watched. Polling goes on as before.
    void wake(const mailbox_address& mailbox);
    void set_request_limit(duration request) { request_ = request; }

    // The fault that refuses a watch with which too much would be watched.
    protocol::checked<void> has_room(const protocol::availability_watch& op) const;

    // ---- for the status ----
    std::int64_t watches() const noexcept { return static_cast<std::int64_t>(known_.size()); }
    std::int64_t mailboxes() const noexcept { return mailboxes_; }

private:
    using mailboxes_ahead = std::vector<store::watched_mailbox>;

    task<result<void>> take_up();
    task<void> pause_until(steady_time t);
    task<bool> poll();
    task<bool> look_ahead(mailboxes_ahead of, std::chrono::days horizon);
    task<exchange_access::concurrency_limiter::permit> permit_to_ask();
    task<bool> identify(const std::vector<mailbox_address>& whom);
    task<bool> ask(exchange_access::availability_question& question);
    template <class T>
    void note(const ews::outcome<T>& got, const exchange_access::concurrency_limiter::permit& permit);
    bool is_narrowed_down(exchange_access::availability_question& question,
                          const exchange_access::availability_part& part,
                          const std::vector<std::size_t>& numbers, const ews::error& e);
    task<bool> publish(std::vector<store::observation> seen);

    parts parts_;
    duration request_;
    poll_schedule schedule_;
    notifier woken_;
    std::unordered_map<std::string, std::int64_t> known_; // mailboxes by watch_id
    std::int64_t mailboxes_ = 0;
    bool changed_ = true; // what the store holds has to be read
    bool stopping_ = false;
    store_trouble store_;
};

} // namespace relay::watch
