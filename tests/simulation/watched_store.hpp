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
    task<result<store::identity>> who() override;
    task<result<std::vector<store::unfinished_command>>> unfinished() override;
    task<result<store::admission>> admit(store::new_command c) override;
    task<result<std::optional<store::admission>>> look_up(std::string id, std::string fingerprint) override;
    task<result<void>> begin(std::string id, utc_time at) override;
    task<result<void>> retract(std::string id, std::string fault_code) override;
    task<result<store::sequence>> finish(std::string id, std::string body, store::write_end end) override;
    task<result<store::sequence>> append(std::string body, std::string command_id,
                                         std::optional<utc_time> expires_at) override;
    task<result<std::vector<store::stored_message>>> read(store::sequence after, std::size_t most,
                                                          std::size_t most_bytes) override;
    task<result<std::vector<store::stored_message>>> read_to_send(store::sequence after, std::size_t most,
                                                                  std::size_t most_bytes) override;
    task<result<store::watch_put>> put_watch(store::new_watch w) override;
    task<result<store::watch_removal>> remove_watch(std::string watch_id) override;
    task<result<std::vector<store::known_watch>>> watches() override;
    task<result<std::vector<store::watched_mailbox>>> watched(store::watched_query q) override;
    task<result<std::vector<std::string>>> watched_mailboxes(std::string after, std::size_t most) override;
    task<result<std::vector<store::stored_sighting>>> tell(std::vector<store::sighting> seen,
                                                           bool at_once) override;
    task<result<std::vector<store::own_event>>> own_events(std::string key, std::int64_t after,
                                                           std::size_t most) override;
    task<result<std::vector<std::string>>> own_event_mailboxes(std::string after, std::size_t most) override;
    task<result<std::vector<store::stored_sighting>>> tell_changes(std::vector<store::event_sighting> seen,
                                                                   bool at_once) override;
    task<result<void>> acknowledge(store::sequence seq) override;
    task<result<store::identity>> renew() override;
    task<result<store::owed_again>> owe_again(store::sequence held) override;
    task<result<std::size_t>> prune(utc_time before, utc_time latest, std::size_t most) override;
    task<result<void>> record(std::vector<store::audit_entry> entries) override;
    task<result<std::size_t>> forget_audit(utc_time before, std::int64_t most_kept,
                                           std::size_t most) override;
    task<result<store::audit_status>> audit() override;
    task<result<store::queue_status>> status() override;

private:
    template <class T>
    using call = std::function<task<result<T>>()>;
    template <class T>
    using told = std::function<void(const result<T>&)>;

    struct errand {
        steady_time due;
        std::function<task<void>()> run;
        std::function<void()> drop;
    };

    template <class T>
    task<result<T>> pass(call<T> c, told<T> t = {});
    task<void> work();

    store::queue_store& behind_;
    reference& model_;
    time_source& time_;
    disk_state& state_;
    asio::any_io_executor executor_;
    std::deque<errand> line_;
    bool working_ = false;
    bool crashed_ = false;
    task_group disk_;
};

} // namespace relay::simulation
