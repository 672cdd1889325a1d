// How a session with the cloud ended, and so what comes next.
#pragma once

#include "agent/protocol/messages.hpp"
#include "agent/uplink/link.hpp"

namespace relay::uplink {

struct session_end {
    enum class reason {
        lost,     // the link failed: `failure` says how
        rejected, // by the cloud: `rejection`
        drained,  // the cloud asked for it: dial again after `wait`
        asked,    // reconnect()
        stopped,  // stop(): the goodbye is said, or there was nobody to say it to
        renewed, // the store or the cloud was an old copy, and the store has a new identity now: `failure` says more
    };
    reason why = reason::lost;
    failed failure{};
    protocol::reject rejection{};
    duration wait{};
    duration up_for{};   // since `welcome`
    bool was_up = false; // there was a `welcome`
};

} // namespace relay::uplink
