// A queue whose disk is as slow and as broken as a test wants it: calls that write wait at a gate, or fail.
#pragma once

#include "agent/store/queue_store.hpp"
#include "common/async/notifier.hpp"

#include <optional>

namespace relay::test {

class gated_store final : public store::queue_store {
public:
    gated_store(asio::any_io_executor executor, store::queue_store& behind)
        : behind_(behind),
          opened_(executor)
    {
    }

    bool open = true;                // closed: calls that write wait, in order
    bool begins_open = true;         // closed: begin() waits, which is carried out first
    bool finishes_open = true;       // closed: finish() waits, and is not carried out
    std::optional<errc> writes_fail; // with this
    std::optional<errc> begins_fail; // only begin(), with this
    std::optional<errc> reads_fail;
    int reads = 0;
    int acknowledgements = 0;
    int records = 0;

    void open_gate()
    {
        open = true;
        begins_open = true;
        opened_.notify();
    }

    void on_damage(std::function<void()> found) override { behind_.on_damage(std::move(found)); }
    task<result<store::identity>> who() override { return behind_.who(); }
    task<result<std::vector<store::unfinished_command>>> unfinished() override
    {
        return behind_.unfinished();
    }
    task<result<store::admission>> admit(store::new_command c) override
    {
        return write(behind_.admit(std::move(c)));
    }
    task<result<std::optional<store::admission>>> look_up(std::string id, std::string fingerprint) override
    {
        // After what was admitted before it.
        return gated(behind_.look_up(std::move(id), std::move(fingerprint)), reads_fail);
    }
    task<result<void>> begin(std::string id, utc_time at) override
    {
        if (begins_fail)
            co_return *begins_fail;
        auto begun = co_await write(behind_.begin(std::move(id), at));
        const auto ec = co_await wait_for(begins_open);
        if (ec)
            co_return ec;
        co_return begun;
    }
    task<result<void>> retract(std::string id, std::string code) override
    {
        return write(behind_.retract(std::move(id), std::move(code)));
    }
    task<result<store::sequence>> finish(std::string id, std::string body, store::write_end end) override
    {
        const auto ec = co_await wait_for(finishes_open);
        if (ec)
            co_return ec;
        auto done = co_await write(behind_.finish(std::move(id), std::move(body), std::move(end)));
        co_return done;
    }
    task<result<store::sequence>> append(std::string body, std::string id,
                                         std::optional<utc_time> expires) override
    {
        return write(behind_.append(std::move(body), std::move(id), expires));
    }
    task<result<std::vector<store::stored_message>>> read(store::sequence after, std::size_t most,
                                                          std::size_t most_bytes) override
    {
        ++reads;
        if (reads_fail)
            co_return *reads_fail;
        auto page = co_await behind_.read(after, most, most_bytes);
        co_return page;
    }
    task<result<std::vector<store::stored_message>>> read_to_send(store::sequence after, std::size_t most,
                                                                  std::size_t most_bytes) override
    {
        return write(behind_.read_to_send(after, most, most_bytes));
    }
    task<result<store::watch_put>> put_watch(store::new_watch w) override
    {
        return write(behind_.put_watch(std::move(w)));
    }
    task<result<store::watch_removal>> remove_watch(std::string watch_id) override
    {
        return write(behind_.remove_watch(std::move(watch_id)));
    }
    task<result<std::vector<store::known_watch>>> watches() override { return behind_.watches(); }
    task<result<std::vector<store::watched_mailbox>>> watched(store::watched_query q) override
    {
        return behind_.watched(std::move(q));
    }
    task<result<std::vector<std::string>>> watched_mailboxes(std::string after, std::size_t most) override
    {
        return behind_.watched_mailboxes(std::move(after), most);
    }
    task<result<std::vector<store::stored_sighting>>> tell(std::vector<store::sighting> seen,
                                                           bool at_once) override
    {
        return write(behind_.tell(std::move(seen), at_once));
    }
    task<result<std::vector<store::own_event>>> own_events(std::string key, std::int64_t after,
                                                           std::size_t most) override
    {
        return behind_.own_events(std::move(key), after, most);
    }
    task<result<std::vector<std::string>>> own_event_mailboxes(std::string after, std::size_t most) override
    {
        return behind_.own_event_mailboxes(std::move(after), most);
    }
    task<result<std::vector<store::stored_sighting>>> tell_changes(std::vector<store::event_sighting> seen,
                                                                   bool at_once) override
    {
        return write(behind_.tell_changes(std::move(seen), at_once));
    }
    task<result<void>> acknowledge(store::sequence seq) override
    {
        ++acknowledgements;
        return write(behind_.acknowledge(seq));
    }
    task<result<store::identity>> renew() override { return behind_.renew(); }
    task<result<store::owed_again>> owe_again(store::sequence held) override
    {
        return behind_.owe_again(held);
    }
    task<result<std::size_t>> prune(utc_time before, utc_time latest, std::size_t most) override
    {
        return behind_.prune(before, latest, most);
    }
    task<result<void>> record(std::vector<store::audit_entry> entries) override
    {
        ++records;
        return write(behind_.record(std::move(entries)));
    }
    task<result<std::size_t>> forget_audit(utc_time before, std::int64_t most_kept, std::size_t most) override
    {
        return behind_.forget_audit(before, most_kept, most);
    }
    task<result<store::audit_status>> audit() override { return behind_.audit(); }
    task<result<store::queue_status>> status() override { return behind_.status(); }

private:
    task<error_code> wait_for(const bool& gate)
    {
        while (!gate) {
            const auto ec = co_await opened_.wait();
            if (ec)
                co_return ec;
        }
        co_return error_code{};
    }
    template <class T>
    task<result<T>> write(task<result<T>> call)
    {
        return gated(std::move(call), writes_fail);
    }
    template <class T>
    task<result<T>> gated(task<result<T>> call, const std::optional<errc>& fails)
    {
        while (!open)
            if (const auto ec = co_await opened_.wait())
                co_return ec;
        if (fails)
            co_return *fails;
        auto done = co_await std::move(call);
        co_return done;
    }

    store::queue_store& behind_;
    notifier opened_;
};

} // namespace relay::test
