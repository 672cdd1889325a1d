// The queue as a person or a script looks at it: beside a running agent, or without one. It reads only, and it never
// touches what is private: neither params nor the output of a result leave this class.
#pragma once

#include "agent/protocol/messages.hpp"
#include "agent/store/sql/statement.hpp"
#include "agent/store/sqlite/database.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::store {

enum class entry_state {
    waiting,      // accepted; no try of it is under way
    running,      // a try was begun, and its outcome is not stored yet
    finished,     // its result waits for the cloud's acknowledgement
    acknowledged, // the cloud holds the result; kept for queue.history_days
};

std::string_view name(entry_state s) noexcept; // as `queue list` has it

// One accepted write, without content.
struct queue_entry {
    std::int64_t n = 0; // its place in the order received
    std::string id;
    std::string op;
    std::string mailbox;
    std::string event_id; // empty where the operation has none
    entry_state state = entry_state::waiting;
    utc_time received_at;
    milliseconds ttl{0};
    bool redelivered = false;
    int attempts = 0;
    std::optional<utc_time> begun_at;
    std::optional<utc_time> finished_at;
    std::optional<protocol::sequence> seq; // of its result
    std::string last_error; // of the last try where it is not finished, else of the result; empty: none
    std::string exchange;   // the ResponseCode that the result names; empty: none
    std::optional<milliseconds> took; // as the result says
};

// Any thread, one at a time. Each call is one short read, so that a slow reader of its answers holds nobody up.
class queue_reader {
public:
    // Opens queue.db in `folder`. Errors: errc::not_found where there is none, store_newer, store_corrupt, store_io,
    // store_read_only (no right to read it); `problem` then receives what SQLite said, where it said something.
    static result<std::unique_ptr<queue_reader>> open(const std::filesystem::path& folder,
                                                      std::string* problem = nullptr);

    // In the order received, at most `most` of those after place `after` (0: from the first on).
    result<std::vector<queue_entry>> page(std::int64_t after, std::size_t most);
    result<std::optional<queue_entry>> find(std::string_view id);
    // Events and stored results of reads that the cloud has not acknowledged.
    result<std::int64_t> other_messages();

private:
    explicit queue_reader(std::unique_ptr<sqlite::database> db);

    std::unique_ptr<sqlite::database> db_;
    bool empty_ = false; // a file that no agent has begun yet
    sql::statement page_;
};

// The entry `id` of an open queue; nothing where there is none.
result<std::optional<queue_entry>> find_entry(sqlite::database& db, std::string_view id);

} // namespace relay::store
