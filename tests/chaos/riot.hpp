// Random commands over many mailboxes, and random trouble for the agent that carries them out: kills, stops,
// cuts, a silent or refusing cloud, an ailing Exchange, clocks that jump. After each round everything heals,
// and the lab judges.
#pragma once

#include "tests/chaos/lab.hpp"

#include <deque>
#include <functional>
#include <random>

namespace relay::chaos {

// The decisions follow the seed alone; what they meet depends on the machine's pace.
class riot {
public:
    riot(std::string name, std::uint64_t seed);

    // Until `faults` have been caused (counting those at Exchange that struck), then heals and judges. Empty
    // where all is well.
    std::vector<std::string> round(int faults);
    int faults() const noexcept { return faults_; } // so far
    std::size_t commands() const noexcept { return commands_; }
    const std::map<std::string, int>& by_kind() const noexcept { return by_kind_; }
    lab& where() { return lab_; }

private:
    struct meeting {
        std::string mailbox, id;
        int commands = 0, cancels = 0;
    };
    struct undoing {
        std::chrono::steady_clock::time_point due;
        std::function<void()> undo;
    };

    template <class T>
    T pick(T low, T high)
    {
        return std::uniform_int_distribution<T>(low, high)(random_);
    }
    bool chance(double p) { return std::bernoulli_distribution(p)(random_); }

    void send_some();
    asked some_command();
    asked about(meeting& m, bool fresh);
    void cause_trouble();
    void exchange_trouble();
    void behave(const char* key, json::value on, json::value off, milliseconds length);
    void link(const json::object& action);
    void jump_clock();
    void start_again();
    void undo_due(bool all);
    void caused(const std::string& kind);
    int struck_at_exchange();
    void set_clock(std::chrono::nanoseconds shift);

    std::mt19937_64 random_;
    test::temporary_folder clock_folder_;
    fs::path clock_file_;
    lab lab_;
    std::vector<meeting> meetings_;   // of this round
    std::vector<std::string> recent_; // commands
    std::deque<undoing> undo_;
    std::map<std::string, int> by_kind_;
    std::chrono::nanoseconds shift_;
    bool armed_ = false;
    int faults_ = 0, struck_ = 0;
    std::size_t commands_ = 0;
    int subjects_ = 0;
};

} // namespace relay::chaos
