// Watches as the store keeps them: whose availability the cloud wants to be told of, and what it was told last.
#pragma once

#include "agent/protocol/messages.hpp"
#include "common/text/mailbox_address.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace relay::store {

// How far ahead and how often a watch looks.
struct watch_pace {
    std::chrono::days horizon{60};
    std::chrono::seconds interval{300};

    friend auto operator<=>(const watch_pace&, const watch_pace&) = default;
};

// A watch to be kept.
struct new_watch {
    std::string watch_id;
    std::string command_id; // that asks for it
    watch_pace pace;
    std::vector<mailbox_address> mailboxes; // each once
};

enum class watch_put {
    stored, // in place of the one with its id, where there was one
    known,  // this very command stored it before: nothing was changed
    full,   // with it more than most_watched mailboxes would be watched
};

enum class watch_removal { removed, unknown };

// Mailboxes in all watches together; one that is in two watches counts twice.
inline constexpr std::int64_t most_watched = 20'000;

struct known_watch {
    std::string watch_id;
    std::string command_id; // that made it
    watch_pace pace;
    std::int64_t mailboxes = 0;
};

// One mailbox of one watch.
struct watched_mailbox {
    std::int64_t place = 0; // rises with every new one and is never used again
    std::string watch_id;
    watch_pace pace;
    std::string mailbox; // as the cloud wrote it
    std::optional<std::string>
        published; // what observation::published was last; nothing: it was never looked at
};

// Which of them to read, in the order of their places.
struct watched_query {
    enum class which {
        of_pace,      // of watches of this pace
        unseen,       // never looked at
        of_mailboxes, // these mailboxes, in whatever watch
    };

    which what = which::of_pace;
    watch_pace pace = {};               // of_pace
    std::vector<std::string> keys = {}; // of_mailboxes: mailbox_address::key()
    std::int64_t after = 0;             // only places above it
    std::size_t most = 100;             // of_mailboxes: for each of them
};

// What was seen of a watched mailbox, and is told.
struct observation {
    std::int64_t place = 0;
    std::string body;      // the event, without seq
    std::string published; // what is compared with what is seen next; the store does not look into it
};

// What became of a observation.
struct stored_observation {
    enum class how {
        added,    // under a seq of its own
        replaced, // in place of an event of the same mailbox and watch that was never sent, under its seq
        dropped,  // nobody watches that mailbox any more
    };

    how became = how::dropped;
    protocol::sequence seq = 0;
};

} // namespace relay::store
