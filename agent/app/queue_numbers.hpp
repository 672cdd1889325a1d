// What the queue holds, for whoever asks often: at most one question to the store's thread at a time, and one a second.
#pragma once

#include "agent/store/queue_store.hpp"
#include "common/async/notifier.hpp"

#include <optional>

namespace relay::app {

// Loop thread only.
class queue_numbers {
public:
    // Store and time outlive it.
    queue_numbers(const asio::any_io_executor& executor, store::queue_store& store, time_source& time)
        : store_(store),
          time_(time),
          answered_(executor)
    {
    }

    // Nothing where the store failed, or has not answered lately (a disk that hangs): then the caller waits for
    // `patience` at most.
    task<std::optional<store::queue_status>> now();

private:
    static constexpr duration fresh = std::chrono::seconds(1);
    static constexpr duration patience = std::chrono::seconds(2);
    static constexpr duration after_silence =
        std::chrono::seconds(10); // a store that hangs is not asked again before

    store::queue_store& store_;
    time_source& time_;
    std::optional<store::queue_status> last_;
    steady_time ask_at_ = steady_time::min();
    notifier answered_;
    bool asking_ = false;
};

} // namespace relay::app
