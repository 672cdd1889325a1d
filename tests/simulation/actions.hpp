// What can happen to an agent, as values: made at random from a seed, played by the world, printed as a
// timeline.
#pragma once

#include "tests/simulation/calendars.hpp"
#include "tests/simulation/cloud.hpp"

#include <cstdint>
#include <optional>
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
        stop,       // the agent, in order; started again after `length`
        kill,       // the agent, at once; the same
        disk,       // each call of the store takes `length`
        hang,       // the next one takes that much longer
        freeze,     // the process is stopped for `length`
        suspend,    // the machine is
        wall_clock, // jumps by `length`
        give_away,  // c-<number> to another agent, if its time is over
        keep,       // a copy of the queue file
        put_back,   // the agent is killed and started with that copy
        lose,       // … and with a new queue
        keep_cloud, // a backup of the cloud
        put_back_cloud,
        by_hand,      // the owner does `deed` to the event of `command`
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
    simulation::deed deed = deed::copy;
};

std::string to_string(const action& a);

struct scenario {
    std::uint64_t seed = 0;
    std::chrono::seconds heartbeat{20};
    std::vector<action> actions;
};

// What a list can be about, beside the troubles that are in any.
enum class family { clock, store, backup, people, exchange };

// The same for the same seed, on every machine. `about`: this family and no other.
scenario random_scenario(std::uint64_t seed, std::optional<family> about = {});

} // namespace relay::simulation
