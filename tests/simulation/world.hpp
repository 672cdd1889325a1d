// Plays one scenario: the agent, its cloud and its Exchange in virtual time. At the end everything is healed,
// and then nothing may be owed, lost or there twice.
#pragma once

#include "tests/simulation/actions.hpp"
#include "tests/simulation/agent_life.hpp"
#include "tests/simulation/machine_clock.hpp"
#include "tests/simulation/queue_copy.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace relay::simulation {

struct breach {
    std::string rule;
    std::size_t after = 0; // so many actions
};

class world {
public:
    // `scratch`: a folder for the queue file, emptied here. Best one in memory (tmpfs).
    world(const scenario& s, std::filesystem::path scratch, spdlog::logger& log);
    ~world();
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    // What was broken, or nothing.
    std::optional<breach> play();

    // For scenarios written by hand.
    void perform(const action& a);
    void heal();
    void check_at_end();
    const verdict& judge() const noexcept { return verdict_; }
    cloud& peer() noexcept { return cloud_; }

    // Called before each action.
    std::function<void(std::size_t, const action&)> watch;

private:
    void start();
    void restart_after(milliseconds off);
    void stop();
    void kill();
    void bury();
    void step(int handlers);
    void send(const action& a);
    void befall(const action& a);
    void keep();
    void start_with(const queue_copy& files, const reference::memory& m, milliseconds off);
    void give_away(const std::string& id);
    void check_calendars();
    void check_history();
    void repeat_all();
    task<void> wait_and_do(duration d, std::function<void()> what);
    template <class T>
    std::optional<result<T>> ask(task<result<T>> question);

    const scenario& scenario_;
    const std::filesystem::path scratch_;
    spdlog::logger& log_;
    asio::io_context context_{1};
    test::manual_time time_{context_};
    machine_clock clock_{time_};
    verdict verdict_;
    reference model_{verdict_, time_, agent_life::settle};
    calendars exchange_{model_, time_, agent_life::settle};
    task_group chores_{context_.get_executor()};
    cloud cloud_;
    disk_state disk_;
    std::uint64_t lives_ = 0;
    int floods_ = 0;
    struct {
        queue_copy files;
        reference::memory_ptr known;
    } kept_;
    bool given_away_ = false; // a command, to another agent
    std::unique_ptr<agent_life> agent_;
};

} // namespace relay::simulation
