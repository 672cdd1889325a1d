// The messages of PROTOCOL.md as values, both directions. Frames are made and read in codec.hpp.
#pragma once

#include "agent/protocol/fault.hpp"
#include "common/time/time_source.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace relay::protocol {

namespace json = boost::json;

// The number of a stored message: 1 for the first of a store, no gaps, no reuse.
using sequence = std::int64_t;

inline constexpr std::size_t default_max_message_bytes = 1'048'576; // both ways, before welcome
inline constexpr int version = 1;
inline constexpr std::string_view subprotocol = "workestra.relay.v1";

// ---- cloud to agent ----

struct welcome {
    std::string session;
    std::optional<utc_time> time; // the cloud's clock
    std::chrono::seconds heartbeat{20};
    sequence ack = 0;
    std::size_t max_message_bytes = default_max_message_bytes;
};

struct reject {
    std::string
        code; // unauthorized, revoked, protocol_unsupported, duplicate_agent, try_later, or a newer one
    std::string message;
    std::chrono::seconds retry_after{60};
};

struct command {
    std::string id;
    std::string op;
    std::string mailbox;             // empty where absent
    std::optional<milliseconds> ttl; // absent: the default of the operation's class
    bool redelivered = false;
    json::object params;
};

struct ack {
    sequence seq = 0;
};

struct cancel {
    std::string id;
};

struct drain {
    milliseconds reconnect_after{0};
};

// A frame the agent answers with a problem: what is wrong with it, and the id it carried where one could be read.
struct problem {
    std::string code; // invalid_message or id_reused
    std::string message;
    std::string id;
};

// What result::value() throws on a problem: reaching it is a bug in the caller.
[[noreturn]] inline void throw_exception_from_error(const problem& p, const boost::source_location& where)
{
    boost::throw_exception(std::logic_error("unchecked problem: " + p.message), where);
}

struct unknown_type {
    std::string type;
};

using inbound = std::variant<welcome, reject, command, ack, cancel, drain, problem, unknown_type>;

// ---- agent to cloud ----

struct hello {
    std::string agent_id, agent_name, agent_version, os, host;
    std::string store_id;
    sequence next_seq = 1;
    std::int64_t unacked = 0;
    std::vector<std::string> operations;
    int window = 0;
};

// The outcome of one command. `seq` is not part of it: a stored message gets one when it is stored.
struct result {
    std::string id;
    checked<json::object> output; // of the operation
    int attempts = 0;
    milliseconds took{0};
};

} // namespace relay::protocol
