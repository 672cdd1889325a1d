// The agent's real queue, watched: what becomes durable is told to the model. Its disk can be slow, and a
// crash loses what was not written yet.
#pragma once

#include "agent/store/queue_store.hpp"
#include "common/async/notifier.hpp"
#include "common/async/task_group.hpp"
#include "tests/simulation/reference.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>

namespace relay::simulation {

struct disk_state {
    duration latency{0}; // of each call from now on
    duration hang{0};    // of the next one beside that: a storage that fails over
    steady_time hangs_until{};
};

class watched_store final : public store::queue_store {
public:
    watched_store(asio::any_io_executor executor, store::queue_store& behind, reference& model,
                  time_source& time, disk_state& disk)
        : behind_(behind),
          model_(model),
          time_(time),
          state_(disk),
          executor_(executor),
          disk_(executor)
    {
    }

    // The agent is dead: nothing more reaches the disk, and nobody waits for it any longer.
    void crash();
    // Ends the disk's work, once nobody calls any more; what was asked before is done, but after a crash.
    task<void> stop();

    void on_damage(std::function<void()> found) override { behind_.on_damage(std::move(found)); }
    task<store::any_answer> carry_out(store::any_step s) override;

private:
    // What the disk has not come to yet; shared by the line and by who waits for it, either of which may be gone first.
    struct errand {
        errand(const asio::any_io_executor& e, store::any_step s, steady_time t)
            : step(std::move(s)),
              due(t),
              done(e)
        {
        }
        store::any_step step;
        steady_time due;
        notifier done;
        std::optional<store::any_answer> answer = {};
    };

    task<store::any_answer> perform(store::any_step s);
    task<void> work();

    store::queue_store& behind_;
    reference& model_;
    time_source& time_;
    disk_state& state_;
    asio::any_io_executor executor_;
    std::deque<std::shared_ptr<errand>> line_;
    bool working_ = false;
    bool crashed_ = false;
    task_group disk_;
};

} // namespace relay::simulation
