// One life of the agent, from its start to its stop or its death: the real parts, put together as agent/app
// does it, on a queue file that outlives it.
#pragma once

#include "agent/commands/dispatcher.hpp"
#include "agent/store/loop/inbox.hpp"
#include "agent/store/loop/outbox.hpp"
#include "agent/store/writer/sqlite_queue_store.hpp"
#include "agent/uplink/uplink.hpp"
#include "tests/simulation/cloud.hpp"
#include "tests/simulation/exchange_client.hpp"
#include "tests/simulation/machine_clock.hpp"
#include "tests/simulation/watched_store.hpp"
#include "tests/support/manual_time.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <filesystem>
#include <memory>

namespace relay::simulation {

class agent_life {
public:
    static constexpr duration drain_timeout = 20s;
    static constexpr duration settle = 120s;
    static constexpr std::chrono::days history{7};

    struct surroundings {
        asio::io_context& context;
        test::manual_time& time;
        machine_clock& clock; // the agent's own
        verdict& judge;
        reference& model;
        calendars& exchange;
        cloud& peer;
        disk_state& disk;
        std::filesystem::path folder; // of the queue file; empty: in memory
        spdlog::logger& log;
        std::uint64_t seed;
    };

    explicit agent_life(const surroundings& s);
    ~agent_life();
    agent_life(const agent_life&) = delete;
    agent_life& operator=(const agent_life&) = delete;

    // As SIGTERM. Virtual time has to pass before ended().
    void stop();
    // As SIGKILL, or the end of the power: from now on nothing reaches the disk, the cloud or Exchange. What
    // is left in memory is cleared away before this returns.
    void kill();
    bool ended() const noexcept { return ended_; }

    std::size_t open() const { return inbox_.open(); }
    store::queue_store& queue() noexcept { return *queue_; }

private:
    task<void> run();
    task<void> serve();

    surroundings around_;
    std::unique_ptr<store::sqlite_queue_store> queue_;
    watched_store store_;
    store::outbox outbox_;
    store::inbox inbox_;
    exchange_client exchange_;
    const policy::policy policy_{policy::rules()}; // allows everything
    commands::command_listener listener_;          // nobody
    commands::dispatcher dispatcher_;
    std::unique_ptr<cloud::door> door_;
    uplink::uplink uplink_;
    task_group parts_;
    asio::cancellation_signal cancel_;
    steady_time stop_by_ = steady_time::max();
    bool killed_ = false;
    bool ended_ = false;
};

} // namespace relay::simulation
