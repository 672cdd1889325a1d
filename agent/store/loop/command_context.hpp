// A command on its way through the agent: made by the inbox, carried out by dispatch.
#pragma once

#include "agent/protocol/operation.hpp"
#include "agent/store/loop/memory_budget.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace relay::store {

struct command_context {
    std::string id;
    std::string op;      // as received: for logs and records
    std::string mailbox; // as received, empty where there is none
    protocol::checked<protocol::operation_ptr>
        operation; // a fault only for a stored write that no longer parses
    protocol::operation_class kind = protocol::operation_class::read;
    std::string event_id; // empty where the operation has none
    std::string session;  // of the cloud, by which it came
    std::string
        ordering_key; // commands with one ordering key run one after the other, in the order received; empty: no ordering key
    steady_time received_at{};
    steady_time deadline{};   // received_at + ttl: never started, and no failed try repeated, after it
    bool event_known = false; // the store holds other commands about its event
    bool redelivered = false; // the cloud says so: another agent may have applied it
    // Taken up at a start: we may have applied it, also where the store says that it was not begun.
    bool restored = false;
    int attempts = 0; // tries begun, also before a restart
    // Why the last try before a restart failed, where that is known.
    std::optional<protocol::fault_code> failed_with;

    // A try that was begun before a restart and whose outcome is not known.
    struct begun_try {
        utc_time at;
    };
    std::optional<begun_try> begun;

    // A read runs while its id is looked up in the store: until then nothing of it may be told, and never where the id is
    // a write's. Dispatch asks inbox::may_answer().
    enum class id_state { being_looked_up, fresh, reused };
    id_state id_is = id_state::fresh;

    bool started = false; // set by dispatch when the first try begins: from then on cancel() does nothing
    bool sent =
        false; // set by dispatch when a write's first try of this run is begun: some of it may have been applied
    bool overtaken = false; // set by dispatch: it took effect before, and its item is another's doing by now
    bool cancelled = false; // set by inbox::cancel() before that, which then calls wake
    memory_budget::share memory; // what it takes until it is answered
    std::function<void()> wake;  // set by dispatch: the command is waiting and has a reason to look up
};

using context_ptr = std::shared_ptr<
    command_context>; // owned by the inbox's table of open commands and by the running handler

} // namespace relay::store
