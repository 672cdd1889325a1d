// Which mailboxes are followed by notifications: those that hold events of the agent first, then those that are watched.
#pragma once

#include "agent/store/queue_store.hpp"
#include "agent/watch/event_watcher.hpp"
#include "agent/watch/streams.hpp"
#include "common/async/notifier.hpp"

namespace relay::watch {

// Loop thread only.
class subscription_set {
public:
    struct parts {
        store::queue_store& store;
        streams& by;
        time_source& time;
        const event_watcher& own; // knows the mailboxes that hold events of the agent
        const policy::policy& policy;
    };

    // `wanted`: exchange.streaming; if not, nobody is followed.
    subscription_set(const asio::any_io_executor& executor, parts p, bool wanted)
        : parts_(p),
          wanted_(wanted),
          changed_(executor)
    {
    }

    // Takes effect with changed().
    void want(bool wanted) { wanted_ = wanted; }
    // What parts tell, or what the store holds, is another now.
    void changed()
    {
        stale_ = true;
        changed_.notify();
    }

    // Keeps the list of what is followed up to date until it is cancelled.
    task<void> run();

private:
    task<result<void>> renew();

    parts parts_;
    bool wanted_;
    notifier changed_;
    bool stale_ = true;
};

} // namespace relay::watch
