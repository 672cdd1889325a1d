// A free/busy question on its way to Exchange: what is still to be asked, and each mailbox's answer so far.
#pragma once

#include "agent/exchange_access/availability.hpp"

#include <functional>
#include <vector>

namespace relay::exchange_access {

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

    // Which mailboxes are asked about alone, because they held up others lately (mailbox_quarantine).
    using apart = std::function<bool(const mailbox_address&)>;

    // end > start.
    availability_question(std::vector<mailbox_address> mailboxes, utc_time start, utc_time end,
                          const apart& alone = {});

    // Busy periods that are kept of all mailboxes. What goes beyond is no true answer, and its mailbox fails.
    static constexpr std::size_t most_periods = 250'000;
    // How many there are now, each as often as `times` says that its mailbox was asked for, by its number. What is still to
    // come can only join a few of them, one at each end of a window: those are not counted.
    std::size_t least_periods(const std::vector<std::size_t>& times) const;

    const mailbox_address& mailbox(std::size_t number) const { return mailboxes_.at(number); }
    bool is_about_several() const noexcept { return mailboxes_.size() > 1; }

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

    enum class blame {
        mailbox, // one of several: smaller lists are asked for, or it has its own answer now
        nobody,  // nothing speaks for one of them: the part may be asked for again as it is
    };
    // A part failed, and one of its mailboxes may be why (ews::error::of_mailboxes). `for_good`: the same request would fail
    // again. Tells `found` of a mailbox that is the culprit.
    blame narrow_down(const availability_part& part, const std::vector<std::size_t>& numbers,
                      const protocol::fault& why, bool for_good,
                      const std::function<void(const mailbox_address&)>& found);
    // Some mailboxes were answered and others held up the rest: what is left unanswered is their own.
    bool is_narrowed() const noexcept { return narrowed_ && answered_; }

    // For what cannot be asked at all: the answer of each of them.
    void fail(const std::vector<std::size_t>& numbers, const protocol::fault& why);

    // In the question's order; the periods of each are joined (join_periods).
    std::vector<ews::mailbox_busy>& answers() noexcept { return answers_; }

private:
    // That many parts failed with none answered since: then it is not a mailbox.
    static constexpr int most_failures_in_a_row = 12;
    static constexpr std::size_t pieces = 4; // as many as one command asks for at once

    bool add_next(std::vector<availability_part> more);

    void keep(ews::mailbox_busy& answer, const std::vector<ews::busy_period>& more);

    std::vector<mailbox_address> mailboxes_;
    utc_time start_, end_;
    std::size_t periods_ = 0; // in answers_
    std::vector<ews::mailbox_busy> answers_;
    std::vector<availability_part> parts_;
    std::size_t next_ = 0;
    std::vector<std::size_t> alone_, asked_again_; // mailboxes that are known, or that failed once
    int failures_in_a_row_ = 0;
    bool narrowed_ = false, answered_ = false;
};

} // namespace relay::exchange_access
