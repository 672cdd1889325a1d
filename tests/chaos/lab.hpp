// A world whose agent is killed over and over: starts it with or without a crash point, keeps what the cloud
// asked for and was told, heals, and holds both stand-ins' ledgers against each other.
#pragma once

#include "tests/chaos/history.hpp"
#include "tests/support/relay_world.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relay::chaos {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
namespace fs = std::filesystem;

// What the agents of these worlds are set to: a write of unknown outcome is settled soon, so that a case is
// short.
test::configuration quick_settings();

// Not for use from several threads; each thread has a lab of its own (its processes end with the thread).
// What a call cannot do throws.
class lab {
public:
    // `name` begins the ids of its commands and events.
    lab(std::string name, test::world_options options);

    test::relay_world& world() { return *world_; }
    const std::string& name() const noexcept { return name_; }

    // ---- the agent ----
    // `crash_at`: a place of common/crash_point, empty for none.
    void start(const std::string& crash_at = {});
    bool running() { return started_ && world_->agent().running(); }
    // Runs it without a crash point, whatever became of it; returns when it is connected.
    void revive();
    void kill(std::string_view why);
    // SIGTERM, and SIGKILL where that does not end it in time; false for any exit code but 0 or, where the
    // crash point struck, 137.
    bool stop();
    // True where it ended by SIGKILL within `limit`.
    bool died(milliseconds limit);

    // ---- commands ----
    std::string new_event() { return name_ + "-e" + std::to_string(++events_); }
    // Gives commands to the cloud, which sends them in this order as the agent has room. Returns their ids.
    std::vector<std::string> ask(std::vector<asked> commands);
    std::string ask(std::string_view op, std::string_view mailbox, json::object params,
                    std::optional<int> ttl_ms = {});
    void send_again(const std::string& id); // where an agent is connected
    void cancel(const std::string& id);     // likewise
    const asked& command(const std::string& id) const { return commands_[number_.at(id)]; }
    // Learns results; returns how many commands have none.
    std::size_t learn();

    // Until every command has its result: revives the agent, sends again what got lost on the way. False
    // where `limit` passes.
    bool heal(milliseconds limit);

    // ---- verdicts ----
    // Everything that is wrong, after heal(), and how agents ended that were not killed; empty where all is
    // well. `stores`: how many the cloud may know.
    std::vector<std::string> verdict(std::size_t stores = 1);
    // All that was done and all that the ledgers say about the events that are wrong, by time.
    std::string timeline();
    void note(std::string what);

    // Leaves the folder where it is, and says where.
    fs::path keep();

private:
    struct happened {
        std::chrono::sys_time<milliseconds> at;
        std::string what;
    };

    void look_at_end();
    void judge_events(std::vector<std::string>& wrong);
    void judge_cloud(std::vector<std::string>& wrong, std::size_t stores);
    void judge_store(std::vector<std::string>& wrong);
    std::string newest_session();
    void send_lost();

    std::string name_;
    std::unique_ptr<test::relay_world> world_;
    std::vector<asked> commands_;
    std::map<std::string, std::size_t> number_;
    std::size_t known_ = 0; // commands before this one have a result
    std::size_t sends_ = 0;
    int events_ = 0;
    int ids_ = 0;
    std::vector<happened> happened_;
    std::vector<std::string> suspects_; // events that are wrong
    std::vector<std::string> bad_ends_;
    bool started_ = false;
};

} // namespace relay::chaos
