// A backup of the agent's queue, made while it works, and put back in place of what it has become since.
#pragma once

#include "tests/chaos/lab.hpp"

#include <set>
#include <string>

namespace relay::chaos {

class old_copy {
public:
    explicit old_copy(lab& l) : lab_(l) {}

    // Makes a copy, by SQLite's backup, unless there is one that is fit or may yet become so.
    void keep();
    // It is fit if it can be known for an old one, as the cloud holds results that are not in it, and what it will do again
    // can be told from what was done since: docs/operations.md says what an old copy does to the rest.
    enum class fitness { none, too_new, fit, overtaken };
    fitness judge();
    // The agent must not run. What came after this number of Exchange's ledger is not in the copy.
    std::int64_t put_back();

private:
    void make();
    std::set<std::string> unfinished() const; // in the copy
    bool safe_again(const asked& c);
    bool may_do_and_undo() const;
    bool is_overtaken_untold() const;

    lab& lab_;
    fs::path file_;                 // empty: there is none
    std::int64_t deeds_before_ = 0; // `n` of Exchange's ledger when it was made
};

} // namespace relay::chaos
