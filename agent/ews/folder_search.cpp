#include "agent/ews/folder_search.hpp"

#include "agent/ews/response_codes.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace relay::ews {
namespace {

constexpr int most_pages = 10;

bool is_calendar(const find_position& p)
{
    return p.id.empty() && p.folder == item_location::live;
}

// Of `from` those that one request can ask for: it has one offset.
std::vector<find_position> take_some(std::vector<find_position>& from)
{
    const auto offset = from.front().offset;
    const auto others =
        std::stable_partition(from.begin(), from.end(), [&](const auto& p) { return p.offset == offset; });
    std::vector<find_position> some(std::make_move_iterator(from.begin()), std::make_move_iterator(others));
    from.erase(from.begin(), others);
    return some;
}

// It may be the request that Exchange does not take, from any folder.
bool may_be_of_request(const error& e)
{
    const auto v = verdict_of(e.fault.exchange);
    return v == verdict::our_mistake || v == verdict::bad_value || v == verdict::unknown;
}

} // namespace

folder_search::folder_search(std::vector<find_position> folders) : waiting_(std::move(folders)) {}

const std::vector<find_position>& folder_search::next()
{
    if (!waiting_.empty()) {
        asked_ = take_some(waiting_);
        return asked_;
    }
    asked_ = take_some(doubtful_);
    find_position calendar{item_location::live, asked_.front().offset};
    calendar.is_witness = true;
    asked_.insert(asked_.begin(), std::move(calendar));
    return asked_;
}

outcome<void> folder_search::take(found_page page, const call& c)
{
    for (auto& item : page.items)
        if (ids_.insert(item.ref.id).second)
            result_.items.push_back(std::move(item));
    any_answered_ = any_answered_ || page.answered;
    const bool refused = !page.refused.empty();
    for (auto& refusal : page.refused)
        if (auto failed = take_refusal(std::move(refusal)); failed.has_error())
            return failed;
    for (auto& p : page.unanswered)
        (p.has_refused ? doubtful_ : waiting_).push_back(std::move(p));
    std::ranges::move(page.unfinished, std::back_inserter(waiting_));
    if (!refused && !page.unanswered.empty())
        return failed_call(c, protocol::fault_code::exchange_unavailable, retry_action::retry,
                           "Exchange left folders of a search unanswered and did not say why");
    // A folder refuses twice at most, so only what goes on without a refusal could go on for ever.
    if (!refused && ++pages_ == most_pages && !is_over())
        return failed_call(c, protocol::fault_code::exchange_unavailable, retry_action::give_up,
                           "more calendar items carry this event's mark than the agent goes through");
    return {};
}

// A refusal counts as the folder's own if it comes again beside a calendar that answers: then the mailbox is there.
outcome<void> folder_search::take_refusal(folder_refusal_at refusal)
{
    auto& [folder, why] = refusal;
    if (is_calendar(folder))
        return std::move(why);
    if (!std::exchange(folder.has_refused, true)) {
        doubtful_.push_back(std::move(folder));
        return {};
    }
    if (may_be_of_request(why) && !any_answered_)
        return std::move(why);
    result_.refused.push_back({std::move(folder.id), std::move(why)});
    return {};
}

} // namespace relay::ews
