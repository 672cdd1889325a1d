// Follows mailboxes as they change, by Exchange's streaming notifications: says of which mailbox something may be new. What
// it cannot follow is left to polling.
#pragma once

#include "agent/ews/notifications.hpp"
#include "agent/exchange_access/concurrency_limiter.hpp"
#include "agent/policy/policy.hpp"
#include "agent/watch/watch_listener.hpp"
#include "common/async/notifier.hpp"
#include "common/async/task_group.hpp"
#include "common/time/backoff.hpp"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace spdlog {
class logger;
}

namespace relay::watch {

struct stream_limits {
    std::size_t streams = 3; // HangingConnectionLimit: what Exchange allows an account by default
    std::size_t mailboxes_each = ews::max_stream_subscriptions;
    std::chrono::minutes length{29};     // of a stream, then it is renewed
    backoff::limits again{1s, 5min};     // after a stream broke, or nobody answered
    backoff::limits crowded{30s, 10min}; // where Exchange has too many streams of the account already
    duration denied = 1h;                // until a mailbox that may not be followed is tried again
    int losses = 2; // in a row, of one subscription or of a whole stream, past which somebody is set aside
    duration refused = 24h; // until the server is, where it does not stream at all
    duration stable = 60s;  // a stream that lasted so long is renewed at once
    duration gather = 1s;   // until new mailboxes are taken in: more may come
    duration poll = 5s;     // how often it is looked whether the server can be asked again
    duration request = 30s; // of one request
    duration goodbye = 3s;  // of all requests that end the subscriptions
};

// Whether policy lets the agent follow what happens in a mailbox: it looks at free/busy time or at its own events there.
bool may_be_followed(const policy::policy& policy, const mailbox_address& mailbox);

// Loop thread only. Construct, follow(), spawn run(); goes after run() has returned.
class streams {
public:
    struct parts {
        ews::notifications& server;
        exchange_access::concurrency_limiter&
            limiter; // for subscribing; a stream itself counts against no budget of requests
        time_source& time;
        std::function<bool()>
            server_usable; // false: no request now, as Exchange is down or asked for a pause
        watch_listener& listener;
        spdlog::logger& log; // outlives the streams, as do the others
        std::uint64_t seed;
        const policy::policy& policy;
    };

    streams(asio::any_io_executor executor, parts p, stream_limits limits = {});

    // The mailboxes to follow from now on, in place of those before. Those that are followed keep their place; of the
    // others the first ones get what places there are.
    void follow(const std::vector<mailbox_address>& wanted);

    // The server, or who asks it, is another: everything begins anew.
    void start_over();

    // True where a change would be told within moments, so that polling is a safety net only.
    bool covers(const mailbox_address& mailbox) const;
    std::size_t covered() const;

    // Works until it is cancelled, then ends the subscriptions, which takes stream_limits::goodbye at most.
    task<void> run();

private:
    struct member {
        mailbox_address mailbox;
        std::string subscription{}; // empty: none yet
        steady_time retry_at{};     // not before, where there is none
        int losses = 0;             // of its subscription, one after the other, before a stream was stable
    };

    // One stream and the mailboxes that it is for.
    struct line {
        line(const asio::any_io_executor& executor, const stream_limits& limits, std::uint64_t seed)
            : joined(executor),
              again(limits.again, seed),
              crowded(limits.crowded, seed + 1)
        {
        }
        std::map<std::string, member> members;      // by the mailbox's key
        std::optional<ews::affinity> group;         // of the subscriptions, while there is one
        std::vector<std::string> parting;           // subscriptions that nobody needs any more
        std::map<std::string, std::string> reading; // by subscription: the key of its mailbox
        std::set<std::string> current;              // keys of which nothing has been missed
        bool open = false;                          // the stream is read, or is just being renewed
        bool broken = false;                        // and the log knows
        std::vector<std::string> lost; // subscriptions that the stream under way says are no more
        std::string lost_code;         // and why
        bool greeted = false;          // and whether its first message has come
        notifier joined;               // members are new, or all begins anew
        bool anew = false;             // what there is of subscriptions is of no use
        bool unanchored = false;       // nobody follows the mailbox in whose name the stream is read
        int failures = 0;        // streams that ended with an error that names none, before one was stable
        int unanswered = 0;      // subscribing, one after the other
        steady_time ask_after{}; // for subscribing; what is subscribed is read meanwhile
        backoff again, crowded;
    };

    task<void> keep(line& l);
    task<void> part(line& l);
    task<duration> subscribe_due(line& l);
    duration note(line& l, const mailbox_address& mailbox, const ews::outcome<ews::subscribed>& got);
    task<duration> read(line& l);
    task<void> gather(line& l);
    void take(line& l, const ews::stream_message& message);
    void opened(line& l);
    duration broke(line& l, const ews::error& why);
    duration lost(line& l);
    void set_aside(member& m, std::string_view why);
    void keep_anchor_alone(line& l);
    void drop(line& l);
    void close(line& l);
    void turn_off(const ews::error& why);
    task<void> deliver();
    task<void> say_goodbye();
    task<void> say_goodbye_of(line& l);
    task<void> wait(line& l, duration most);
    task<void> rest(line& l, duration length);
    void begin_anew(line& l);
    void part_with_all(line& l);

    const member* next_due(const line& l) const;
    duration until_due(const line& l) const;
    duration around(duration length); // a tenth more or less

    asio::any_io_executor executor_;
    parts parts_;
    stream_limits limits_;
    std::mt19937_64 random_;
    std::deque<line> lines_;
    std::map<std::string, line*> places_; // by the mailbox's key
    std::map<std::string, mailbox_address> news_;
    notifier told_;
    steady_time off_until_{};
    std::size_t wanted_ = 0;
};

} // namespace relay::watch
