// What the cloud may do with a command that an agent accepted and does not answer: give it to another one, once its ttl
// and settle_s have passed on the first, and go on with the event there. The first agent is delayed somewhere on the way,
// and comes back whenever it likes.
#pragma once

#include "tests/chaos/second_agent.hpp"

#include <random>

namespace relay::chaos {

class handover {
public:
    // What sees to it that the first agent is late: called before and after the command is sent.
    struct delays {
        std::function<void()> before, after;
    };

    handover(lab& l, second_agent& other) : lab_(l), other_(other) {}

    // Begins one, where none is under way: an event of its own, and a command for it with a short ttl.
    void begin(std::string mailbox, std::mt19937_64& random, delays d);
    bool under_way() const noexcept { return stage_ != stage::none; }
    // Goes a step further if it is time for that; true if the command has just been given to the other agent.
    bool step(std::mt19937_64& random);

private:
    enum class stage { none, preparing, waiting, given, changing };

    asked next_change(std::mt19937_64& random);
    void send_late(asked c);

    lab& lab_;
    second_agent& other_;
    stage stage_ = stage::none;
    std::string mailbox_, event_id_, command_;
    int ttl_ms_ = 0, subjects_ = 0;
    std::chrono::steady_clock::time_point sent_;
    std::optional<std::chrono::steady_clock::time_point> accepted_;
    delays delays_;
};

} // namespace relay::chaos
