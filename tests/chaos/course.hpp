// The course of one event at Exchange, from its ledger: what agents wrote and what the owner did by hand, in the
// order in which it happened, and what there was after each step.
#pragma once

#include "tests/chaos/history.hpp"

#include <map>
#include <string>
#include <vector>

namespace relay::chaos {

struct step {
    bool by_hand = false;
    std::string action; // "create", "update", "delete"; by hand "edit", "copy", "move", "delete", "erase"
    std::string uid, command_id;
    std::int64_t n = 0;  // of the ledger
    bool unsent = false; // Exchange saved it, and told nobody

    bool writes(std::string_view what) const { return !by_hand && action == what; }
};

// One item. A copy is what the owner made of another one: no agent has business with it.
struct item_state {
    bool live = false, copy = false, erased = false;
    std::string subject, command_id, change_key, folder; // the last two after a deed by hand only
};

// Of the items that agents made.
struct moment {
    bool live = false;
    std::string subject, command_id;
};

class course {
public:
    course(const std::vector<asked>& commands, const evidence& e);

    const std::vector<step>& steps() const noexcept { return steps_; }
    // moments()[0] is before the first step, moments()[i + 1] after steps()[i].
    const std::vector<moment>& moments() const noexcept { return moments_; }
    const std::map<std::string, item_state>& items() const noexcept { return items_; } // at the end, by UID
    // What no agent may do, a sentence each.
    const std::vector<std::string>& wrong() const noexcept { return wrong_; }
    // Whether the owner did one of these to an item that is no copy.
    bool owner_did(std::initializer_list<std::string_view> actions) const;

private:
    void merge(const evidence& e);
    void apply_write(const step& s, const asked* by);
    void apply_deed(const step& s, const json::object& deed);
    bool written_to(const step& s, const char* did);
    void look();

    std::vector<step> steps_;
    std::vector<const json::object*> entries_; // of the ledger, one a step
    std::vector<moment> moments_;
    std::map<std::string, item_state> items_;
    std::vector<std::string> wrong_;
};

} // namespace relay::chaos
