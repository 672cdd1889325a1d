// What the agent must not forget, as values: commands it accepted, results and events it owes, what it finished lately.
#pragma once

#include "agent/protocol/messages.hpp"
#include "agent/store/audit_entry.hpp"
#include "agent/store/tracked_event.hpp"
#include "agent/store/watch.hpp"
#include "common/error/error.hpp"

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
    bool replaceable = false; // an event that publish() may still replace: it must not be sent as it is here
};

// The log of what became of every command, see audit_entry.hpp.
struct audit_status {
    audit_head head;
    std::optional<utc_time> oldest; // when the first entry that is kept was made
    std::int64_t bytes = 0;         // of all entries that are kept, as they are counted
    bool is_full = false;           // the oldest go for what is new
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

} // namespace relay::store
