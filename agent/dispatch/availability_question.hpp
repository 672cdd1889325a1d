// A free/busy question on its way to Exchange: what is still to be asked, and each mailbox's answer so far.
#pragma once

#include "agent/dispatch/availability.hpp"

#include <functional>
#include <vector>

namespace relay::dispatch {

// A value; decides only. Mailboxes are known by their number in the question.
class availability_question {
public:
    // What policy says of a mailbox: a fault where it must not be asked about.
    using allowed = std::function<protocol::checked<void>(const mailbox_address&)>;

    // A part as it is asked for.
    struct asked {
        std::vector<mailbox_address> mailboxes;
        std::vector<std::size_t> numbers;
    };

    // end > start.
    availability_question(std::vector<mailbox_address> mailboxes, utc_time start, utc_time end);

    // Parts that were not taken yet; those that have been taken may add some.
    std::size_t parts_left() const noexcept { return parts_.size() - next_; }
    availability_part take_part() { return parts_[next_++]; }

    // Of a part what policy allows now (it may have changed while the part waited), and what has not failed already.
    asked still_allowed(const availability_part& part, const allowed& allows);

    // Puts one part's answers where they belong; a mailbox that failed in one window has failed. One that has more
    // entries than Exchange lists is asked for again, half of the time at once.
    void take_in(const availability_part& part, const std::vector<std::size_t>& numbers,
                 const std::vector<ews::mailbox_busy>& got);

    // True where Exchange refuses the part as too much, by limits of its own, and smaller ones are asked for instead.
    bool ask_for_less(const availability_part& part, const std::vector<std::size_t>& numbers,
                      const protocol::fault& refusal);

    // For what cannot be asked at all: the answer of each of them.
    void fail(const std::vector<std::size_t>& numbers, const protocol::fault& why);

    // In the question's order, periods in no order yet (join_periods).
    std::vector<ews::mailbox_busy>& answers() noexcept { return answers_; }

private:
    bool add_next(std::vector<availability_part> more);

    std::vector<mailbox_address> mailboxes_;
    std::vector<ews::mailbox_busy> answers_;
    std::vector<availability_part> parts_;
    std::size_t next_ = 0;
};

} // namespace relay::dispatch
