// What cloud-sim knows: commands, stores, sessions, frames and violations, as the control interface tells them.
#pragma once

#include "common/async/notifier.hpp"
#include "common/time/time_source.hpp"
#include "tests/stand_ins/cloud/link.hpp"
#include "tests/stand_ins/cloud/rows.hpp"
#include "tests/stand_ins/cloud/vocabulary.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relay::cloud_sim {

namespace json = boost::json;

struct agent_store;

enum class command_state { queued, sent, accepted, finished };
std::string_view name(command_state state) noexcept;

// A command in the hands of one agent.
struct delivery {
    std::string agent;
    const agent_store* store = nullptr; // of the session that it was last sent on
    bool elsewhere = false;             // another store of the agent's had it before
    bool accepted = false;              // by that store
    std::string answer;                 // the first result, empty while the agent owes one
    std::string numbered_by;            // the store whose seq the answer has, empty where it has none
};

struct command {
    std::string id, op, mailbox;
    std::string agent; // only this one gets it; empty: whichever connected last
    json::object params;
    std::optional<std::int64_t> ttl_ms;
    bool redelivered = false;
    op_class kind = op_class::unknown;

    std::int64_t number = 0;          // in the order in which they were posted, 0 before a restart of ours
    std::vector<delivery> deliveries; // one an agent; none from before a restart

    command_state state = command_state::queued;
    std::int64_t sent = 0, accepted = 0;
    std::int64_t results = 0;  // frames, repeats included
    std::int64_t answered = 0; // results that were no repeat of a numbered one
    bool cancel_sent = false;
    bool forgotten =
        false; // we lost its result in a set-back: the agent may have it as acknowledged long ago
    std::int64_t first_link = 0; // number of the session it was first sent on, 0 after a restart of ours
    bool moved = false;          // it was sent on another session too, or before a restart
    std::string result;          // the frame that counts
    std::string numbered_by;     // the store whose seq the result has, empty where it has none
    utc_time queued_at{}, finished_at{};

    bool dirty = false;
    std::shared_ptr<notifier> finished;                       // made by the first who waits
    std::function<void(bool ok, std::string_view code)> done; // a benchmark's: not kept, told here instead

    bool outstanding() const { return state == command_state::sent || state == command_state::accepted; }
    const delivery* to(std::string_view agent_id) const; // null where that agent never had it
    delivery& made_to(std::string_view agent_id);
    void take_answer(std::string_view agent_id, std::string_view frame, std::string_view store);
    // False where it was none that anything came of.
    bool forget_answer(const std::string& frame);
};

// A store of an agent's, by its id.
struct agent_store {
    std::string id;
    std::int64_t first = 1;    // the lowest seq we can expect: a store may be older than our memory of it
    std::int64_t received = 0; // the highest seq that arrived
    std::int64_t closing = 0;  // `received` when the batch under way was closed
    std::int64_t durable = 0;  // on the disk
    std::int64_t told = 0;     // the highest ack we sent
    std::int64_t repeats = 0;
    bool set_back =
        false; // we forgot some of its messages, of which the agent may have dropped all that we acknowledged
    std::vector<std::int64_t> gaps;
    std::vector<std::size_t>
        hashes; // of the frames from `first` on, to tell a repeat from a number used twice
    bool dirty = false;

    struct mark {
        steady_time at;
        std::int64_t ack;
    };
    std::optional<steady_time> welcomed; // the last welcome
    std::vector<mark> marks;             // when it grew durable since
};

struct session {
    std::int64_t number = 0;
    std::string id;
    link* wire = nullptr; // null once it is closed
    std::string certificate_name;
    bool deflate = false;
    bool welcomed = false;
    std::string rejected; // the code, where it was
    json::value hello;
    std::string agent_id;
    std::int64_t window = 0;
    agent_store* store = nullptr;
    bool old_copy = false;     // its store should have taken another id
    std::int64_t next_seq = 1; // what a numbered message should have next, in order
    utc_time since{};
    std::optional<utc_time> until;
    std::optional<std::uint16_t> close_code;
    std::optional<std::string> goodbye;
    std::optional<steady_time> drained; // when we asked for a drain
    milliseconds drain_delay{0};
    bool ended_by_us = false;
    bool before_set_back = false; // what still comes on it was said to the cloud that was put back since
    std::int64_t frames_in = 0, frames_out = 0, pings = 0;
    steady_time last_ping{};

    bool usable() const { return wire && welcomed && !old_copy && !goodbye && !drained; }
};

struct kept_frame {
    std::string id; // of the command, empty for events
    std::string body;
    std::string store = {}; // by which it is numbered
    std::int64_t seq = 0;
};

json::object to_json(const command& c);
json::object to_json(const session& s);
json::object to_json(const agent_store& s);
command_row to_row(const command& c);
command from_row(const command_row& r);
store_row to_row(const agent_store& s);

// The frame that gives `c` to an agent.
std::string command_frame(const command& c, bool redelivered);
// A frame that was checked when it came, as JSON.
json::value parsed(const std::string& frame);

} // namespace relay::cloud_sim
