// The agent's tracked events as the store keeps them: what it wrote into a calendar last, and what others have changed since as
// far as the cloud was told.
#pragma once

#include "common/async/async.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
    std::string key;        // mailbox_address::key()
    std::string mailbox;    // as the cloud wrote it
    std::string item_id;    // made, changed; empty: deleted since, by whom is to be found out
    std::string command_id; // made, changed: the write's own, which the item carries as its mark
    // As they were written, of changed only what was. Where a time of the item is not known, what is seen next is taken as
    // our own.
    std::optional<utc_time> start = {}, end = {};
    bool may_be_overtaken = false; // made by whom and when is not known: later changes of ours may be in it
};

struct tracked_event {
    std::int64_t place = 0;   // rises with every new one and is never used again
    std::int64_t version = 0; // rises with every write of ours
    std::string event_id;
    std::string key;     // of the mailbox
    std::string mailbox; // as the cloud wrote it
    std::string item_id; // as it was last
    utc_time start{}, end{};
    bool sure = false;   // false: start and end are not known
    std::string answers; // what event_sighting::answers was last; empty at first
    utc_time written_at{};
    std::string command_id; // that changed it last
    bool elsewhere = false; // it lies outside the mailbox's calendar
    bool series = false;    // the cloud was told that somebody made a series of it
};

// What was seen of a tracked event.
struct event_observation {
    std::int64_t place = 0, version = 0;
    std::string about; // about_event()
    bool gone = false; // nothing of it is followed any more
    std::string item_id;
    utc_time start{}, end{};
    std::string answers; // the store does not look into it
    std::string command_id;
    bool elsewhere = false;
    bool series = false;

    struct news {
        std::string
            change; // a newer one of the same change replaces it while it is the last about its event and was never sent
        std::string body; // the event, without seq
    };
    std::vector<news> publish; // empty: nobody else changed anything
};

// What the outbox knows messages about an event by. No watch has a name that begins so.
inline std::string about_event(std::string_view event_id, std::string_view mailbox_key)
{
    return "/" + std::string(mailbox_key) + "/" + std::string(event_id);
}

} // namespace relay::store
