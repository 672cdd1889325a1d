// A command that got its answer, as whoever counts commands is told of it. Says nothing of what was asked.
#pragma once

#include "agent/protocol/fault.hpp"
#include "common/text/mailbox_address.hpp"
#include "common/time/time_source.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string_view>

namespace relay::protocol {

struct ended_command {
    enum class answer {
        result,
        id_reused, // that problem: another command had its id before
        none,      // a read that was cut off by the end of the agent
    };

    std::string_view id, op;         // as received: `op` may be anything. They hold during the call only
    std::optional<fault_code> fault; // nothing: it succeeded
    bool admitted = true;            // false: refused before it came to be carried out
    int attempts = 0;
    milliseconds took{0};
    answer how = answer::result;
    bool stored = false; // a write: the store keeps its result
    std::string_view session = {}, mailbox = {}, event_id = {};
    std::span<const mailbox_address> mailboxes = {}; // of an availability.get
};

// Called on the loop thread for every command once; must not throw.
using ended_listener = std::function<void(const ended_command&)>;

} // namespace relay::protocol
