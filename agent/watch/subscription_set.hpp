// Which mailboxes are followed by notifications: those that hold events of the agent first, then those that are watched.
#pragma once

#include "agent/store/queue_store.hpp"
#include "agent/watch/streams.hpp"
#include "common/async/notifier.hpp"

#include <functional>
#include <vector>

namespace relay::watch {

// Loop thread only.
class subscription_set {
public:
    struct parts {
        store::queue_store& store;
        streams& by;
        time_source& time;
        std::function<bool()> wanted;                       // exchange.streaming
        std::function<std::vector<mailbox_address>()> own;  // that hold events of the agent
        std::function<bool(const mailbox_address&)> allows; // policy's word
    };

    subscription_set(const asio::any_io_executor& executor, parts p)
        : parts_(std::move(p)),
          changed_(executor)
    {
    }

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
    notifier changed_;
    bool stale_ = true;
};

} // namespace relay::watch
