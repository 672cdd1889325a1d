// The agent's own events as the store keeps them: what it wrote into a calendar last, and what others have changed since as
// far as the cloud was told.
#pragma once

#include "common/async/async.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace relay::store {

// What a finished write means for the item of its event. Kept with the write's result: both or neither.
struct event_write {
    enum class effect {
        made,
        changed,
        removed,  // nothing of it is followed any more
        doubtful, // it failed, and some of it may have been applied: what is seen next is taken as our own
    };

    effect what = effect::made;
    std::string key;     // mailbox_address::key()
    std::string mailbox; // as the cloud wrote it
    std::string item_id; // made, changed
    // As they were written, of changed only what was. Where a time of the item is not known, what is seen next is taken as
    // our own.
    std::optional<utc_time> start = {}, end = {};
    bool may_be_overtaken = false; // made by whom and when is not known: later changes of ours may be in it
};

struct own_event {
    std::int64_t place = 0;   // rises with every new one and is never used again
    std::int64_t version = 0; // rises with every write of ours
    std::string event_id;
    std::string mailbox; // as the cloud wrote it
    std::string item_id; // as it was last
    utc_time start{}, end{};
    bool sure = false;   // false: start and end are not known
    std::string answers; // what event_sighting::answers was last; empty at first
    utc_time written_at{};
};

// What was seen of an own event.
struct event_sighting {
    std::int64_t place = 0, version = 0;
    bool gone = false; // nothing of it is followed any more
    std::string item_id;
    utc_time start{}, end{};
    std::string answers; // the store does not look into it

    struct news {
        std::string about; // a newer one of the same name replaces it while it was never sent
        std::string body;  // the event, without seq
    };
    std::vector<news> tell; // empty: nobody else changed anything
};

} // namespace relay::store
