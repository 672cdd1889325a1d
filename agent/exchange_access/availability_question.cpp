#include "agent/exchange_access/availability_question.hpp"

#include "agent/ews/reasons.hpp"

#include <algorithm>
#include <iterator>

namespace relay::exchange_access {

availability_question::availability_question(std::vector<mailbox_address> mailboxes, utc_time start,
                                             utc_time end, const apart& alone)
    : mailboxes_(std::move(mailboxes)),
      start_(start),
      end_(end),
      answers_(mailboxes_.size(), std::vector<ews::busy_period>{})
{
    std::vector<std::size_t> together;
    for (std::size_t n = 0; n < mailboxes_.size(); ++n)
        (alone && alone(mailboxes_[n]) ? alone_ : together).push_back(n);
    parts_ = split_availability(together, start, end);
    for (const auto n : alone_) // last: they may take long
        for (auto& part : split_availability(std::vector{n}, start, end))
            parts_.push_back(std::move(part));
}

availability_question::asked availability_question::still_allowed(const availability_part& part,
                                                                  const allowed& allows)
{
    asked some;
    for (const auto number : mailboxes_of(part)) {
        if (answers_[number].has_error())
            continue;
        if (const auto may = allows(mailboxes_[number]); may.has_error()) {
            answers_[number] = may.error();
            continue;
        }
        some.mailboxes.push_back(mailboxes_[number]);
        some.numbers.push_back(number);
    }
    return some;
}

void availability_question::take_in(const availability_part& part, const std::vector<std::size_t>& numbers,
                                    const std::vector<ews::mailbox_busy>& got)
{
    failures_in_a_row_ = 0;
    answered_ = true;
    std::vector<std::size_t> too_full;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        auto& answer = answers_[numbers[i]];
        if (answer.has_error())
            continue;
        if (got[i].has_value())
            keep(answer, *got[i]);
        else if (ews::has_too_many_entries(got[i].error()) && !halve_window(part, {numbers[i]}).empty())
            too_full.push_back(numbers[i]);
        else
            answer = got[i].error();
    }
    add_next(halve_window(part, std::move(too_full)));
}

void availability_question::keep(ews::mailbox_busy& answer, const std::vector<ews::busy_period>& more)
{
    periods_ -= answer->size();
    auto joined = join_periods(more, start_, end_);
    // The last to begin need not be the last to end.
    const bool behind = answer->empty() || joined.empty() ||
                        joined.front().start > std::ranges::max(*answer, {}, &ews::busy_period::end).end;
    answer->insert(answer->end(), joined.begin(), joined.end());
    if (!behind)
        *answer = join_periods(*std::move(answer), start_, end_);
    if (periods_ + answer->size() > most_periods)
        answer =
            protocol::fault{protocol::fault_code::result_too_large,
                            "Exchange tells of more busy periods than there can be: ask for less at once",
                            {}};
    else
        periods_ += answer->size();
}

std::size_t availability_question::least_periods(const std::vector<std::size_t>& times) const
{
    const auto windows = static_cast<std::size_t>((end_ - start_) / ews::max_availability_window) + 1;
    std::size_t sum = 0;
    for (std::size_t n = 0; n < answers_.size(); ++n)
        if (answers_[n].has_value() && answers_[n]->size() > windows)
            sum += (answers_[n]->size() - windows) * times[n];
    return sum;
}

bool availability_question::ask_for_less(const availability_part& part,
                                         const std::vector<std::size_t>& numbers,
                                         const protocol::fault& refusal)
{
    if (ews::is_window_too_long(refusal))
        return add_next(halve_window(part, numbers));
    if (ews::has_too_many_mailboxes(refusal))
        return add_next(halve_mailboxes(part, numbers));
    return refusal.code == protocol::fault_code::result_too_large && add_next(halve_mailboxes(part, numbers));
}

availability_question::blame
availability_question::narrow_down(const availability_part& part, const std::vector<std::size_t>& numbers,
                                   const protocol::fault& why, bool for_good,
                                   const std::function<void(const mailbox_address&)>& found)
{
    if (!is_about_several() || ++failures_in_a_row_ > most_failures_in_a_row)
        return blame::nobody;
    narrowed_ = true;
    if (numbers.size() > 1) {
        add_next(split_mailboxes(part, numbers, pieces));
        return blame::mailbox;
    }
    const auto n = numbers.front();
    const bool known = std::ranges::find(alone_, n) != alone_.end();
    const bool failed_alone = std::ranges::find(asked_again_, n) != asked_again_.end();
    if (!for_good && !known && !failed_alone) { // once more, after the others: they may fail as well
        asked_again_.push_back(n);
        parts_.push_back({0, 0, part.start, part.end, numbers});
        return blame::mailbox;
    }
    if (!for_good && !known && !answered_)
        return blame::nobody;
    answers_[n] = why;
    found(mailboxes_[n]);
    return blame::mailbox;
}

void availability_question::fail(const std::vector<std::size_t>& numbers, const protocol::fault& why)
{
    for (const auto number : numbers)
        answers_[number] = why;
}

// False where there is nothing to add. They come next: what never gets small enough is found out soon.
bool availability_question::add_next(std::vector<availability_part> more)
{
    parts_.insert(parts_.begin() + static_cast<std::ptrdiff_t>(next_), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
    return !more.empty();
}

} // namespace relay::exchange_access
