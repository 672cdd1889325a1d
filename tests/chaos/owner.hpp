// The owner of the mailboxes at work in Outlook: moves, copies, edits, deletes and restores what the agent made. Acts as
// fast as exchange-sim lets it, so also between two requests of the agent.
#pragma once

#include "tests/chaos/lab.hpp"

#include <string>

namespace relay::chaos {

// What keeps a second create from being asked for: it would find what it must not, or the owner is to restore the first.
struct touched {
    bool deleted = false, moved = false;
};

enum class deed { edit, copy, move, remove, restore };

class owner {
public:
    explicit owner(lab& l) : lab_(l) {}

    // Once, before the first deed.
    void make_folders();
    // On an item of the event, where there is one that it can be done to; false where there is not.
    bool act(deed what, const std::string& mailbox, const std::string& event_id, touched& so_far);

private:
    bool may(deed what, const json::object& item) const;
    void carry_out(deed what, const std::string& mailbox, const json::object& item);

    lab& lab_;
    int deeds_ = 0;
};

} // namespace relay::chaos
