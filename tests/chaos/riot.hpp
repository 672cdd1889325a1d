// Random commands over many mailboxes, and random trouble for the agent that carries them out: kills, stops,
// cuts, a silent or refusing cloud, an ailing Exchange, clocks that jump, a disk that hangs, a process or a machine that
// stands still, a queue put back to
// an old copy, another agent that goes on with what this one did not finish, an owner at work in the calendar. After each
// round everything heals, and the lab judges.
#pragma once

#include "tests/chaos/handover.hpp"
#include "tests/chaos/machine.hpp"
#include "tests/chaos/old_copy.hpp"
#include "tests/chaos/owner.hpp"

#include <deque>
#include <functional>
#include <set>

namespace relay::chaos {

// The decisions follow the seed alone; what they meet depends on the machine's pace.
class riot {
public:
    // `without`: kinds of trouble that are left out, of families().
    riot(std::string name, std::uint64_t seed, std::set<std::string> without);
    static std::vector<std::string> families();
    // What was to be caused and never was, of what is not left out; judged over several worlds by `caused`.
    static std::vector<std::string> never(const std::map<std::string, int>& caused,
                                          const std::set<std::string>& without);

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
        int commands = 0, cancels = 0, creates = 0;
        touched by_hand = {};
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
    std::string some_mailbox() { return "user" + std::to_string(pick(1, 9)) + "@corp.example"; }

    // ---- commands
    void send_some();
    asked some_command();
    asked about(meeting& m, bool fresh);

    // ---- trouble: each way to cause it is a card of a deck, drawn in random order. False where it cannot be caused now;
    // then the card comes again.
    struct card {
        const char* family;
        const char* name;
        int times; // in the deck
        std::function<bool(riot&)> cause;
    };
    static const std::vector<card>& cards();
    void cause_trouble();
    const card* draw();
    bool kill();
    bool stop();
    bool reject();
    bool jump_clock(std::chrono::nanoseconds ahead);
    bool start_with_wrong_clock();
    bool cancel();
    bool send_again();
    bool put_back();
    bool set_cloud_back();
    bool hand_over();
    bool must_wait_for_handover();
    bool let_owner(deed what);
    bool exchange_trouble();
    bool behave(const char* key, json::value on, json::value off, milliseconds length);
    bool link(const json::object& action);
    // SIGSTOP, and what else stands still meanwhile.
    enum class standstill { process, machine, virtual_machine };
    bool freeze(standstill what, milliseconds length);
    bool hang_disk(int after, milliseconds length); // so many syncs
    void set_clock(std::chrono::nanoseconds ahead);
    milliseconds short_time() { return milliseconds(pick(20, 600)); }
    milliseconds long_time() { return milliseconds(pick(1500, 3500)); } // past settle_s, and many a ttl

    void start_again();
    void later(milliseconds length, std::function<void()> undo);
    void undo_due(bool all);
    void caused(const std::string& kind);
    void count_struck();
    std::vector<std::string> heal_and_judge();

    std::mt19937_64 random_;
    std::set<std::string> without_;
    machine machine_;
    lab lab_;
    second_agent other_;
    owner owner_;
    old_copy copy_;
    handover handover_;
    std::vector<meeting> meetings_;   // of this round
    std::vector<std::string> recent_; // commands
    std::string put_back_as_;         // the store's id in the copy that was put back last
    std::deque<undoing> undo_;
    std::vector<const card*> deck_;
    std::map<std::string, int> by_kind_;
    bool armed_ = false;
    bool waits_for_handover_ = false;                // for its end
    bool stands_still_ = false, disk_hangs_ = false; // until it is undone
    int faults_ = 0, struck_ = 0;
    std::size_t commands_ = 0, renewals_ = 0; // of the store's id, at most
    int subjects_ = 0;
};

} // namespace relay::chaos
