// The seam between the loop and whoever keeps what must not be lost: a step goes into a transaction, its answer comes when
// that is durable. Here are the calls, each of which makes a step of its arguments; behind carry_out() is an engine.
#pragma once

#include "agent/store/steps.hpp"
#include "common/async/async.hpp"

#include <functional>

namespace relay::store {

// Every call returns only when what it did is durable (or has failed and changed nothing), in the order the calls were
// made. Called on the loop thread, never blocks it; cancelling a waiting coroutine does not undo a call already made.
// What brings in what is new fails with errc::store_full already while little of the disk is free, or much waits for the
// cloud: what is owed still finds room then.
// Errors: errc::store_full, store_read_only, store_io, store_corrupt. After store_corrupt nothing is read or written any
// more: every further call fails with it.
class queue_store {
public:
    virtual ~queue_store() = default;

    // `found` is called on the loop thread for every call that fails with store_corrupt: the agent has to end, and the next
    // start begins a new queue. At most one listener; an empty one ends that.
    virtual void on_damage(std::function<void()> found) = 0;

    task<result<identity>> who() { return run(step::who{}); }
    // All unfinished writes, in the order they were received.
    task<result<std::vector<unfinished_command>>> unfinished() { return run(step::unfinished{}); }

    task<result<admission>> admit(new_command c) { return run(step::admit{std::move(c)}); }
    // What admit() would find, without storing anything: nothing where `id` is unknown. Sees every admit() made before.
    task<result<std::optional<admission>>> look_up(std::string id, std::string fingerprint)
    {
        return run(step::look_up{std::move(id), std::move(fingerprint)});
    }
    // A try is about to be made: durable before the request to Exchange leaves. Counts the attempt.
    task<result<void>> begin(std::string id, utc_time at) { return run(step::begin{std::move(id), at}); }
    // The last try of `id` failed and will be repeated: it is known that it changed nothing, so begun is taken back.
    task<result<void>> retract(std::string id, std::string fault_code)
    {
        return run(step::retract{std::move(id), std::move(fault_code)});
    }
    // Ends a write: its result gets the next seq, its params are dropped, it joins the history, and the audit says so:
    // all of that or nothing. Idempotent: the first result is kept and its seq given again. errc::not_found (begin and
    // retract too) where there is no such command.
    task<result<sequence>> finish(std::string id, std::string body, write_end end)
    {
        return run(step::finish{std::move(id), std::move(body), std::move(end)});
    }
    // Stores a message that ends no stored command: an event, or a read's result while the link is down.
    task<result<sequence>> append(std::string body, std::string command_id,
                                  std::optional<utc_time> expires_at)
    {
        return run(step::append{std::move(body), std::move(command_id), expires_at});
    }

    // Messages with a seq above `after`, in order: at most `most` of them and, past the first, `most_bytes`.
    task<result<std::vector<stored_message>>> read(sequence after, std::size_t most, std::size_t most_bytes)
    {
        return run(step::read{after, most, most_bytes});
    }
    // The cloud holds everything up to `seq`. Idempotent; a lower seq than before changes nothing, and one that was
    // never given out counts as the last that was.
    task<result<void>> acknowledge(sequence seq);

    // This store is an old copy come back to life: a new id, what is owed is numbered anew from 1.
    task<result<identity>> renew() { return run(step::renew{}); }
    // The cloud is an old copy: it holds this store's messages up to `held` and had acknowledged more. What the history
    // has of the rest is owed again, before what is owed already, and all is numbered anew from 1 under a new id.
    task<result<owed_again>> owe_again(sequence held) { return run(step::owe_again{held}); }
    // Forgets finished and acknowledged commands that ended before `before`, some at a time; returns how many. `latest`:
    // what says that it ended after it ended then, as its clock was wrong.
    task<result<std::size_t>> prune(utc_time before, utc_time latest, std::size_t most)
    {
        return run(step::prune{before, latest, most});
    }

    // Gives what pruning left free in the file back to the disk, some pages at a time; returns how many.
    task<result<std::size_t>> shrink(std::size_t most_pages) { return run(step::shrink{most_pages}); }

    // ---- the audit of what leaves no other trace: reads and refusals ----
    task<result<void>> record(std::vector<audit_entry> entries)
    {
        return run(step::record{std::move(entries)});
    }
    // Forgets the oldest entries: those from before `before`, and those beyond `most_kept`, some at a time; returns how
    // many. The rest still proves that nothing is missing.
    task<result<std::size_t>> forget_audit(utc_time before, std::int64_t most_kept, std::size_t most)
    {
        return run(step::forget_audit{before, most_kept, most});
    }
    task<result<audit_status>> audit() { return run(step::audit{}); }

    task<result<queue_status>> status() { return run(step::status{}); }

    // ---- watches: whose availability the cloud is told of ----
    task<result<watch_put>> put_watch(new_watch w) { return run(step::put_watch{std::move(w)}); }
    task<result<watch_removal>> remove_watch(std::string watch_id)
    {
        return run(step::remove_watch{std::move(watch_id)});
    }
    task<result<std::vector<known_watch>>> watches() { return run(step::watches{}); }
    task<result<std::vector<watched_mailbox>>> watched(watched_query q)
    {
        return run(step::watched{std::move(q)});
    }
    // The keys of all mailboxes that are watched, each once, those after `after`.
    task<result<std::vector<std::string>>> watched_mailboxes(std::string after, std::size_t most)
    {
        return run(step::watched_mailboxes{std::move(after), most});
    }
    // Stores an event for each observation, and what the next one is compared with: both or neither. An event of the same
    // mailbox and watch that was never sent is replaced in place and keeps its seq. `at_once`: they are about to be sent,
    // so that nothing replaces them.
    task<result<std::vector<stored_observation>>> publish(std::vector<observation> seen, bool at_once)
    {
        return run(step::publish{std::move(seen), at_once});
    }
    // ---- tracked events: which of the agent's items others change ----
    // Those of one mailbox, in the order of their places, past `after`.
    task<result<std::vector<tracked_event>>> tracked_events(std::string mailbox_key, std::int64_t after,
                                                            std::size_t most)
    {
        return run(step::tracked_events{std::move(mailbox_key), after, most});
    }
    // The keys of all mailboxes that have some, each once, those after `after`.
    task<result<std::vector<std::string>>> tracked_mailboxes(std::string after, std::size_t most)
    {
        return run(step::tracked_mailboxes{std::move(after), most});
    }
    // As publish(); of each observation that is not out of date what is to be told, in order. A observation is out of date where a
    // command about its event is unfinished, or finished since it was read: what was seen may be our own doing.
    task<result<std::vector<stored_observation>>> publish_changes(std::vector<event_observation> seen,
                                                                  bool at_once)
    {
        return run(step::publish_changes{std::move(seen), at_once});
    }

    // As read(), of what is about to be sent: from now on nothing of it is replaced any more, and whatever is stored may
    // have been sent (identity::sent).
    task<result<std::vector<stored_message>>> read_to_send(sequence after, std::size_t most,
                                                           std::size_t most_bytes)
    {
        return run(step::read_to_send{after, most, most_bytes});
    }

    // ---- the seam ----
    // Carries any step out. The answer holds answer_to<the step's type>.
    virtual task<any_answer> carry_out(any_step s) = 0;

private:
    // The step is made before the call that is awaited: g++ 12 destroys twice what is braced inside of it.
    template <class Step>
    task<answer_to<Step>> run(Step s)
    {
        any_step some(std::move(s));
        auto answer = co_await carry_out(std::move(some));
        co_return std::get<answer_to<Step>>(std::move(answer));
    }
};

} // namespace relay::store
