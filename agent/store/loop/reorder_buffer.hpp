// Commands with one ordering key (all that is about one event) come out in the order received, although each is stored, or found to be
// of no effect, at a time of its own.
#pragma once

#include "agent/store/loop/command_context.hpp"

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace relay::store {

// Loop thread only.
class reorder_buffer {
public:
    // A command that may not come out yet: it is being stored, or one before it is.
    struct entry {
        context_ptr command;
        enum class state { held, free, dropped } is = state::held;
    };
    using entry_ptr = std::shared_ptr<entry>; // owned by its ordering key and by the admission under way

    // Whether something with the ordering key is held.
    bool holds(const std::string& ordering_key) const { return lanes_.contains(ordering_key); }

    // Behind everything with its ordering key, if it has one. `is`: free where it waits for others only.
    entry_ptr add(context_ptr command, entry::state is);

    // ---- what comes out, in order, now that `e` need not be waited for any longer ----
    std::vector<context_ptr> release(const entry_ptr& e);
    std::vector<context_ptr> drop(const entry_ptr& e); // without it

private:
    std::vector<context_ptr> end(const entry_ptr& e, entry::state as);

    std::unordered_map<std::string, std::deque<entry_ptr>> lanes_; // only those in which something is held
};

} // namespace relay::store
