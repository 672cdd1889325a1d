// Sees to it that every command is in the audit. A write's entry is stored with its result (queue_store::finish); here are
// reads and refusals, which leave no other trace: their entries gather for a moment and then share one commit, so that no
// read waits for a disk.
#pragma once

#include "agent/protocol/ended_command.hpp"
#include "agent/store/loop/vouched_time.hpp"
#include "agent/store/queue_store.hpp"
#include "common/async/notifier.hpp"

#include <deque>
#include <map>
#include <optional>
#include <utility>

namespace spdlog {
class logger;
}

namespace relay::store {

// Loop thread only; store, time and log outlive it.
class audit_log {
public:
    // How long entries gather: what a crash can cost is the entries of the reads and refusals of this long, and of the
    // commit that follows. An end in order costs nothing.
    static constexpr duration patience = std::chrono::milliseconds(200);
    // Entries that wait for a disk. While there are as many, or one could not be written, works() is false; of
    // refusals beyond them only the number is kept.
    static constexpr std::size_t most_waiting = 4'096;
    static constexpr std::size_t most_waiting_bytes = 2 * 1'024 * 1'024; // as much
    static constexpr std::size_t most_a_commit = 256;
    // What asked nothing of Exchange costs a hostile cloud nothing. So many such a window have an entry each; beyond it
    // those of one kind (operation and outcome) share one that tells how many they were, when the window is over.
    static constexpr std::size_t most_alone = 60;
    static constexpr std::size_t most_kinds = 64; // beyond it the operation is not told apart
    static constexpr duration window = std::chrono::minutes(1);

    audit_log(const asio::any_io_executor& executor, queue_store& store, time_source& time,
              spdlog::logger& log);

    // Notes how a command ended. Returns at once.
    void command_ended(const protocol::ended_command& c);
    // Notes that whom the agent believes to be the cloud is another one: an entry for each certificate, whose SHA-256 fingerprint
    // takes the place of a command's id.
    enum class trust { added, removed, refused };
    void trust_changed(trust what, const std::vector<std::string>& fingerprints);
    // False while entries cannot be written: then nothing is to be carried out that leaves no other trace.
    bool works() const noexcept
    {
        return !failing_ && waiting_.size() < most_waiting && waiting_bytes_ < most_waiting_bytes;
    }

    // Writes what was noted until the coroutine is cancelled. Says in the log where the chain begins this life, and once a
    // day where it has come to: the log is the copy elsewhere that gives away a chain made anew.
    task<void> run();
    // Writes what waits, once, and says where the chain ends.
    task<void> stop();

private:
    bool gather(const protocol::ended_command& c);
    void end_window();
    void put(audit_entry e);
    task<void> write();
    task<void> tell_head(bool starting);
    void note(error_code ec);

    queue_store& store_;
    time_source& time_;
    spdlog::logger& log_;
    notifier noted_;
    std::deque<audit_entry> waiting_;
    std::size_t waiting_bytes_ = 0;
    // The window, begun by the first that asked nothing: how many have an entry of their own, and those that have not.
    std::optional<steady_time> window_end_;
    std::size_t alone_ = 0;
    std::map<std::pair<std::string, std::string>, audit_entry> gathered_; // by operation and outcome
    std::int64_t unrecorded_ = 0;                                         // refusals
    bool failing_ = false;
};

// Once an hour forgets entries that were made more than `keep` ago (audit.retention_days), in batches between which other
// calls of the store get their turn. A round takes at most a day off the log, and the first one comes after an hour: so a
// clock that is wrong for a while costs days, not the log; and by age nothing goes before the cloud has vouched for the
// time (forgettable()). Returns where the coroutine is cancelled. Loop thread.
task<void> keep_audit(queue_store& store, const vouched_time& clock, time_source& time,
                      std::chrono::days keep, spdlog::logger& log);

// No log grows beyond this many entries (some 15 GiB), whatever its retention says: the oldest go.
inline constexpr std::int64_t most_audit_entries = 50'000'000;

} // namespace relay::store
