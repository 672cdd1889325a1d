// What can happen to an agent, as values: made at random from a seed, played by the world, printed as a
// timeline.
#pragma once

#include "tests/simulation/calendars.hpp"
#include "tests/simulation/cloud.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace relay::simulation {

struct action {
    enum class what {
        send,      // the command c-<number>
        repeat,    // c-<number> again
        reuse,     // its id with other content
        cancel,    // c-<number>
        flood,     // `number` reads at once
        pass,      // time
        step,      // the agent does `number` small steps, no time passes
        cut,       // the link breaks
        half_open, // the link goes dumb
        network,   // what dialling meets from now on
        latency,   // of the link
        drain,     // by the cloud
        withhold,  // acknowledgements
        release,
        stop,         // the agent, in order; started again after `length`
        kill,         // the agent, at once; the same
        disk,         // each call of the store takes `length`
        write_mishap, // the next write to Exchange
        read_mishap,  // the next read
        mood,         // every request to Exchange
        week,         // at the end: results are remembered for 7 days, and no longer than needed
    };

    what type = what::pass;
    int number = 0;
    milliseconds length{0};
    order command = {};     // send
    bool elsewhere = false; // send: another agent did it before
    mishap trouble = {};
    cloud::network network = cloud::network::up;
};

std::string to_string(const action& a);

struct scenario {
    std::uint64_t seed = 0;
    std::chrono::seconds heartbeat{20};
    std::vector<action> actions;
};

// The same for the same seed, on every machine.
scenario random_scenario(std::uint64_t seed);

} // namespace relay::simulation
