// What the agent can ask of an Exchange server about changes as they happen, as agent/watch sees it. ews_client does it for
// real; tests script it.
#pragma once

#include "agent/ews/exchange.hpp"

#include <functional>
#include <string>
#include <vector>

namespace relay::ews {

inline constexpr std::size_t max_stream_subscriptions = 200; // of one stream
inline constexpr std::chrono::minutes max_stream_length{30};

// Subscriptions that one stream reads have to lie on one mailbox server. The first one says which: that of its own
// mailbox, the anchor; the cookie in its answer leads the others there.
struct affinity {
    mailbox_address anchor;
    std::string cookie; // empty before the first answer
};

struct subscribed {
    std::string subscription;
    std::string cookie; // empty where the answer set none
};

// One envelope of a stream.
struct stream_message {
    std::vector<std::string> changed; // subscriptions that something happened in, each once
    std::vector<std::string> lost;    // subscriptions that are no more, or whose events are
    std::string lost_code;            // why: a ResponseCode
    bool closed = false;              // the stream's time is up; the subscriptions live on
};

// Loop thread only.
class notifications {
public:
    virtual ~notifications() = default;

    virtual task<outcome<subscribed>> subscribe(mailbox_address mailbox, affinity group, duration limit) = 0;
    // Reads the subscriptions' events for `length`. Each message goes to `to` as it comes, from within the transport: `to`
    // takes notes, resumes nobody and does not throw. Succeeds where Exchange closed the stream in order or ended it
    // with lost subscriptions.
    virtual task<outcome<void>> listen(affinity group, std::vector<std::string> subscriptions,
                                       std::chrono::minutes length,
                                       std::function<void(const stream_message&)> to) = 0;
    virtual task<outcome<void>> unsubscribe(affinity group, std::string subscription, duration limit) = 0;
};

} // namespace relay::ews
