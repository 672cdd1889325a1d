// Commands that were accepted in a life before this one: how much of their time is left, as far as clocks can tell.
#pragma once

#include "agent/store/loop/command_context.hpp"
#include "common/time/time_source.hpp"

#include <set>
#include <string>
#include <vector>

namespace relay::store {

// Loop thread only.
class earlier_commands {
public:
    explicit earlier_commands(const time_source& time) : time_(time) {}

    // In the order received. Sets the deadline, by the machine's clock alone. False where that is over: the clock may be
    // wrong, so the command waits until the cloud has told the time, and what is behind it under its ordering key with it.
    bool may_run_now(const context_ptr& t, utc_time received_at, milliseconds ttl);

    // The cloud has told the time: from now on all of them count by `now`. Gives those that waited, in order. Once.
    std::vector<context_ptr> count_anew(utc_time now);

private:
    struct earlier {
        context_ptr context;
        utc_time received_at;
        milliseconds ttl;
        bool held = false;
    };

    void set_deadline(const earlier& e, utc_time now) const;

    const time_source& time_;
    std::vector<earlier> all_;
    std::set<std::string> held_lanes_;
};

} // namespace relay::store
