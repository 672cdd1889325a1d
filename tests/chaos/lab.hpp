// A world whose agent is killed over and over: starts it with or without a crash point, keeps what the cloud
// asked for and was told, heals, and holds both stand-ins' ledgers against each other.
#pragma once

#include "tests/chaos/history.hpp"
#include "tests/support/relay_world.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relay::chaos {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
namespace fs = std::filesystem;

// Rows that `query` counts in a queue file, also while an agent has it open; -1 where it cannot be read now.
std::int64_t count_in_queue(const fs::path& file, const char* query);

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
    // Its id, where others are connected too: it gets what names no agent.
    void name_agent(std::string id) { agent_ = std::move(id); }
    bool connected(); // since it was started
    // The store that it said hello with last, empty where it is not connected.
    std::string store_id();
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
    // Gives a command that has no result to another agent; false where that is not connected.
    bool give_on(const std::string& id, const std::string& agent);
    // The cloud has no result of these any more.
    void forget_results(const std::vector<std::string>& ids);
    // The highest number in Exchange's ledger.
    std::int64_t deeds();
    void forget_deeds(lost_memory lost) { lost_.push_back(lost); }
    const std::vector<asked>& commands() const noexcept { return commands_; }
    const asked& command(const std::string& id) const { return commands_[number_.at(id)]; }
    // Learns results; returns how many commands have none.
    std::size_t learn();

    // Until every command has its result: revives the agent, sends again what got lost on the way; calls `also` now and
    // then, for what else heals. False where `limit` passes.
    bool heal(milliseconds limit, const std::function<void()>& also = {});

    // ---- verdicts ----
    // Everything that is wrong, after heal(), and how agents ended that were not killed; empty where all is
    // well. `stores`: how many the cloud may know. `others`: data folders of other agents.
    std::vector<std::string> verdict(std::size_t stores = 1, const std::vector<fs::path>& others = {});
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
    void judge_store(std::vector<std::string>& wrong, const fs::path& folder);
    json::object newest_session(); // of the agent, empty where it is not connected
    void send_lost();

    std::string name_, agent_;
    std::string last_session_; // of the process before this one
    std::unique_ptr<test::relay_world> world_;
    std::vector<asked> commands_;
    std::map<std::string, std::size_t> number_;
    std::size_t known_ = 0; // commands before this one have a result
    std::size_t sends_ = 0;
    int events_ = 0;
    int ids_ = 0;
    std::vector<lost_memory> lost_;
    std::vector<happened> happened_;
    std::vector<std::string> suspects_; // events that are wrong
    std::vector<std::string> bad_ends_;
    bool started_ = false;
};

} // namespace relay::chaos
