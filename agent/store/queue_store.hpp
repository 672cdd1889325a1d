// What the agent must not forget: commands it accepted, results and events it owes, what it finished lately.
// An interface, so that another engine (one that replicas share) can stand behind it; it speaks of commands and results.
#pragma once

#include "agent/protocol/messages.hpp"
#include "agent/store/audit_entry.hpp"
#include "agent/store/own_event.hpp"
#include "agent/store/watch.hpp"
#include "common/async/async.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace relay::store {

using protocol::sequence;

// Made once with the store; told to the cloud in hello.
struct identity {
    std::string id; // UUID
    sequence next_seq = 1;
    std::int64_t unacked = 0;
    // No message above it can have been sent yet. As the store was opened: what lay in it then and may have been sent. From
    // the first read_to_send() on, any.
    sequence sent = 0;

    sequence acked() const noexcept
    {
        return next_seq - 1 - unacked;
    } // all up to it is acknowledged and dropped
};

// What a cloud that was set back can be given again of what it had acknowledged.
struct owed_again {
    identity now;             // the store under its new id
    std::int64_t results = 0; // of writes, from the history
    std::vector<std::pair<sequence, sequence>>
        lost;                       // what cannot be sent again, by its old numbers, first and last
    std::int64_t lost_messages = 0; // how many that are; `lost` tells of the first of them
    static constexpr std::size_t most_told = 20; // ranges in `lost`
};

// A write as it came, to be stored.
struct new_command {
    protocol::command command;
    std::string fingerprint; // protocol::fingerprint()
    std::string event_id;    // empty where the operation has none
    utc_time received_at;
    milliseconds ttl;         // the one in force, default filled in
    std::string session = {}; // of the cloud, by which it came: for the audit
};

// A write found in the store at start, not finished yet.
struct unfinished_command {
    new_command received;
    int attempts = 0;                 // tries begun so far
    std::optional<utc_time> begun_at; // when the last try was begun; nothing: none is known to be under way
    std::string last_error;           // fault code of the last failed try, empty where there was none
};

// ---- what admit() found ----
struct stored_now { // new: `accepted` is due, it is owed a result
    // Other commands about its event are stored: an item of it may lie in the mailbox already, wherever people put it.
    bool event_known = false;
};
struct still_running {};         // known and unfinished: `accepted` again
struct finished_before {         // known and finished: its result again
    std::optional<sequence> seq; // while unacknowledged
    std::string body;            // encoded result without seq
};
struct reused_id {};  // known, with another fingerprint
struct queue_full {}; // queue.max_commands reached
using admission = std::variant<stored_now, still_running, finished_before, reused_id, queue_full>;

// A message on its way to the cloud.
struct stored_message {
    sequence seq = 0;
    std::string body;                   // without seq: see protocol::with_seq
    std::string command_id;             // of a result; empty for an event
    std::optional<utc_time> expires_at; // a stored read: after it the cloud gets deadline_exceeded instead
    bool replaceable = false; // an event that tell() may still replace: it must not be sent as it is here
};

// The log of what became of every command, see audit_entry.hpp.
struct audit_status {
    audit_head head;
    std::optional<utc_time> oldest; // when the first entry that is kept was made
    bool head_fits = true;          // false: the last entry is not the one that the store wrote last
};

// What the queue holds now, for status and metrics.
struct queue_status {
    std::int64_t unfinished = 0;    // commands that are owed a result
    std::int64_t unacked = 0;       // stored messages the cloud has not acknowledged
    std::optional<utc_time> oldest; // when the oldest of both came; nothing where there is none
    std::int64_t bytes = 0;         // on disk
    std::int64_t damaged_files =
        0; // queues that were set aside and still lie there: somebody should look at the disk
};

// Every call returns only when what it did is durable (or has failed and changed nothing), in the order the calls were
// made. Called on the loop thread, never blocks it; cancelling a waiting coroutine does not undo a call already made.
// Errors: errc::store_full, store_read_only, store_io, store_corrupt. After store_corrupt nothing is read or written any
// more: every further call fails with it.
class queue_store {
public:
    virtual ~queue_store() = default;

    // `found` is called on the loop thread for every call that fails with store_corrupt: the agent has to end, and the next
    // start begins a new queue. At most one listener; an empty one ends that.
    virtual void on_damage(std::function<void()> found) = 0;

    virtual task<result<identity>> who() = 0;
    // All unfinished writes, in the order they were received.
    virtual task<result<std::vector<unfinished_command>>> unfinished() = 0;

    virtual task<result<admission>> admit(new_command c) = 0;
    // What admit() would find, without storing anything: nothing where `id` is unknown. Sees every admit() made before.
    virtual task<result<std::optional<admission>>> look_up(std::string id, std::string fingerprint) = 0;
    // A try is about to be made: durable before the request to Exchange leaves. Counts the attempt.
    virtual task<result<void>> begin(std::string id, utc_time at) = 0;
    // The last try of `id` failed and will be repeated: it is known that it changed nothing, so begun is taken back.
    virtual task<result<void>> retract(std::string id, std::string fault_code) = 0;
    // Ends a write: its result gets the next seq, its params are dropped, it joins the history, and the audit says so:
    // all of that or nothing. Idempotent: the first result is kept and its seq given again. errc::not_found (begin and
    // retract too) where there is no such command.
    virtual task<result<sequence>> finish(std::string id, std::string body, write_end end) = 0;
    // Stores a message that ends no stored command: an event, or a read's result while the link is down.
    virtual task<result<sequence>> append(std::string body, std::string command_id,
                                          std::optional<utc_time> expires_at) = 0;

    // Messages with a seq above `after`, in order: at most `most` of them and, past the first, `most_bytes`.
    virtual task<result<std::vector<stored_message>>> read(sequence after, std::size_t most,
                                                           std::size_t most_bytes) = 0;
    // The cloud holds everything up to `seq`. Idempotent; a lower seq than before changes nothing, and one that was
    // never given out counts as the last that was.
    virtual task<result<void>> acknowledge(sequence seq) = 0;

    // This store is an old copy come back to life: a new id, what is owed is numbered anew from 1.
    virtual task<result<identity>> renew() = 0;
    // The cloud is an old copy: it holds this store's messages up to `held` and had acknowledged more. What the history
    // has of the rest is owed again, before what is owed already, and all is numbered anew from 1 under a new id.
    virtual task<result<owed_again>> owe_again(sequence held) = 0;
    // Forgets finished and acknowledged commands that ended before `before`, some at a time; returns how many. `latest`:
    // what says that it ended after it ended then, as its clock was wrong.
    virtual task<result<std::size_t>> prune(utc_time before, utc_time latest, std::size_t most) = 0;

    // ---- the audit of what leaves no other trace: reads and refusals ----
    virtual task<result<void>> record(std::vector<audit_entry> entries) = 0;
    // Forgets the oldest entries: those from before `before`, and those beyond `most_kept`, some at a time; returns how
    // many. The rest still proves that nothing is missing.
    virtual task<result<std::size_t>> forget_audit(utc_time before, std::int64_t most_kept,
                                                   std::size_t most) = 0;
    virtual task<result<audit_status>> audit() = 0;

    virtual task<result<queue_status>> status() = 0;

    // ---- watches: whose availability the cloud is told of ----
    virtual task<result<watch_put>> put_watch(new_watch w) = 0;
    virtual task<result<watch_removal>> remove_watch(std::string watch_id) = 0;
    virtual task<result<std::vector<known_watch>>> watches() = 0;
    virtual task<result<std::vector<watched_mailbox>>> watched(watched_query q) = 0;
    // The keys of all mailboxes that are watched, each once, those after `after`.
    virtual task<result<std::vector<std::string>>> watched_mailboxes(std::string after, std::size_t most) = 0;
    // Stores an event for each sighting, and what the next one is compared with: both or neither. An event of the same
    // mailbox and watch that was never sent is replaced in place and keeps its seq. `at_once`: they are about to be sent,
    // so that nothing replaces them.
    virtual task<result<std::vector<stored_sighting>>> tell(std::vector<sighting> seen, bool at_once) = 0;
    // ---- own events: which of the agent's items others change ----
    // Those of one mailbox, in the order of their places, past `after`.
    virtual task<result<std::vector<own_event>>> own_events(std::string mailbox_key, std::int64_t after,
                                                            std::size_t most) = 0;
    // The keys of all mailboxes that have some, each once, those after `after`.
    virtual task<result<std::vector<std::string>>> own_event_mailboxes(std::string after,
                                                                       std::size_t most) = 0;
    // As tell(); of each sighting that is not out of date what is to be told, in order. A sighting is out of date where a
    // command about its event is unfinished, or finished since it was read: what was seen may be our own doing.
    virtual task<result<std::vector<stored_sighting>>> tell_changes(std::vector<event_sighting> seen,
                                                                    bool at_once) = 0;

    // As read(), of what is about to be sent: from now on nothing of it is replaced any more, and whatever is stored may
    // have been sent (identity::sent).
    virtual task<result<std::vector<stored_message>>> read_to_send(sequence after, std::size_t most,
                                                                   std::size_t most_bytes) = 0;
};

} // namespace relay::store
