// When to look at whom: evenly over each watch's interval, never in a burst. Decides only; the watcher waits and looks.
#pragma once

#include "agent/store/watch.hpp"
#include "common/time/time_source.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace relay::watch {

// One look: whom to read from the store. A look is chosen by next() and ended by ended() before the next one is chosen.
//
// Watches of one pace (interval and horizon) share a round: it walks through their mailboxes in batches, at equal distances that
// add up to the interval, and begins again. The first walk after a start is quicker, and so is what is done for mailboxes
// that were never looked at. Mailboxes that somebody says have changed are looked at between.
class poll_schedule {
public:
    static constexpr std::size_t batch = 100; // mailboxes a look: what one request to Exchange takes
    static constexpr duration quick = std::chrono::seconds(1);  // between two looks of a first walk
    static constexpr duration gather = std::chrono::seconds(2); // how long woken mailboxes are collected
    static constexpr duration longest_pause = std::chrono::seconds(60); // after looks that failed
    static constexpr int most_failures = 3;          // of one batch; then the round goes on without it
    static constexpr std::size_t most_woken = 5'000; // more of them wait for their round

    // What is watched now. The first time these are watches taken up at a start.
    void set(const std::vector<store::known_watch>& watches, steady_time now);
    // `mailbox` (its key) is looked at soon, in all watches that have it; harmless where none has.
    void wake(std::string mailbox, steady_time now);

    // When next() has something; nothing where nothing is watched.
    std::optional<steady_time> due() const;
    // Whom to look at now.
    std::optional<store::watched_query> next(steady_time now);

    // The look is over: `found` is what the store had for it, all of it seen and told.
    void ended(const std::vector<store::watched_mailbox>& found, steady_time now);
    // It failed and is due again after a pause; a batch that fails again and again is passed over.
    void failed(const std::vector<store::watched_mailbox>& found, steady_time now);

private:
    // A walk through mailboxes by their places.
    struct walk {
        std::int64_t mailboxes = 0;
        std::int64_t after = 0; // the place that was looked at last
        std::int64_t done = 0;  // of this walk
        bool first = false;
        int failures = 0; // in a row
        steady_time due{};
    };
    enum class ordering_key { none, unseen, woken, round };

    static std::int64_t batches(const walk& w);
    static duration distance(const walk& w, const store::watch_pace& p);
    static duration pause(int failures);
    duration unseen_distance() const;
    static void go_on(walk& w, const store::watch_pace& p, const std::vector<store::watched_mailbox>& found,
                      steady_time now);

    std::map<store::watch_pace, walk> schedule_;
    std::optional<walk> unseen_; // while there may be mailboxes that were never looked at
    bool unseen_left_ = false;   // some of this walk could not be looked at
    std::set<std::string> woken_;
    steady_time woken_due_{};
    int woken_failures_ = 0;
    bool started_ = false;

    // the look under way
    ordering_key looking_ = ordering_key::none;
    store::watch_pace looking_pace_;
    std::vector<std::string> looking_keys_;
};

} // namespace relay::watch
