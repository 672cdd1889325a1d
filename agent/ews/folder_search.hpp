// One search through several folders of a mailbox, over as many requests as it takes: pages, folders that an answer leaves
// out, and folders that refuse. Pure: it says what to ask next and takes the answers. Internal to agent/ews.
#pragma once

#include "agent/ews/answers.hpp"

#include <set>
#include <string>
#include <vector>

namespace relay::ews {

class folder_search {
public:
    // Of the calendar and of Deleted Items, or of folders with ids.
    explicit folder_search(std::vector<find_position> folders);

    bool is_over() const noexcept { return waiting_.empty() && doubtful_.empty(); }
    // What the next request asks for. A folder that has refused is asked once more, after all others, beside the calendar.
    const std::vector<find_position>& next();
    // The answer to it. An error is one of the whole search.
    outcome<void> take(found_page page, const call& c);
    search_result result() && { return std::move(result_); }

private:
    outcome<void> take_refusal(folder_refusal_at refusal);

    std::vector<find_position> waiting_;  // not asked yet, or to go on with
    std::vector<find_position> doubtful_; // have refused once
    std::vector<find_position> asked_;
    bool any_answered_ = false; // of those that were asked for their own sake
    std::set<std::string> ids_; // a folder that changes meanwhile may list an item twice
    int pages_ = 0;
    search_result result_;
};

} // namespace relay::ews
