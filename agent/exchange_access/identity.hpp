// Which of the items that carry an event's marks is the event's own, and what they say of a write. A copy made by hand keeps
// marks and notes and gets another UID; a move between folders keeps the UID.
#pragma once

#include "agent/ews/exchange.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace relay::exchange_access {

// calendar:UID of the item that `command_id` creates: repeatable, so that a repeated try writes the same one.
std::string uid_for(const std::string& event_id, const std::string& command_id);
// It is of the form that uid_for() gives, whatever the command.
bool is_given_uid(std::string_view uid);

enum class birth {
    original, // it has the UID that its create gave
    copy,     // somebody copied it by hand
    unclear,  // neither its note nor the form of its UID tells
};
birth birth_of(std::string_view uid, std::string_view born_uid);

struct marked_items {
    std::vector<ews::found_item> live; // in whatever folder
    std::vector<ews::found_item> deleted;
    std::vector<ews::found_item> copies; // made by hand, live or deleted: never touched, never answered for
    // Looked up after everything that may still have been under way had settled: what is not here will not
    // come.
    bool conclusive = false;
    bool everywhere = false; // all folders were looked through
    // Folders that refuse to be searched: what is in them counts as not found.
    std::vector<ews::folder_refusal> refused = {};
};

// Sets the copies aside. An item of which nothing tells counts as a copy where an original, or a copy that tells of
// one, is among `all`.
marked_items sorted_out(std::vector<ews::found_item> all);
// An item that is known for an original lives: no other folder can hold the event's own.
bool holds_original(const marked_items& items);

// What the items say of one write. Ids are unique for ever: what carries its id was changed by this very command, or copied
// from what was.
struct trace {
    enum class kind {
        none,    // nothing shows that it was carried out
        applied, // `item`, which lives, is as it left it
        overtaken, // it was carried out, and others changed or replaced its item since: `item` is what lives now
        gone, // it was carried out, and its item was deleted since: `item` in Deleted Items, null: not even there
    };
    kind what = kind::none;
    const ews::found_item* item = nullptr; // of the items that were asked
};

//  live                     | Deleted Items, or a copy     | create          | update
//  -------------------------+------------------------------+-----------------+------------------------------
//  ours, under our mark     | any                          | applied         | applied
//  ours, under another mark | any                          | overtaken       | none: the mark that lives decides
//  another create's, one    | ours (UID or mark)           | overtaken       | none; overtaken where `own`
//  another create's, several| ours                         | gone            | none: a conflict
//  another create's         | not ours                     | none            | none
//  none                     | ours                         | gone            | gone, if it carries our mark
//  none                     | not ours                     | none            | none
//
// `uid`: the one that the create gives.
trace trace_of_create(const marked_items& items, const std::string& command_id, const std::string& uid);
// `own`: it was found unfinished in this agent's store and nobody asks for it anew. Then what a deleted item says of it holds
// although another item lives: an old copy of the store must not repeat it on a later meeting.
trace trace_of_update(const marked_items& items, const std::string& command_id, bool own);

} // namespace relay::exchange_access
