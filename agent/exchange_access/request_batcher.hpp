// Free/busy questions of several commands in one request: what waits for its turn goes along with the first whose turn
// has come. A question that finds its turn at once waits for nobody and is asked alone.
#pragma once

#include "agent/ews/exchange.hpp"
#include "agent/exchange_access/mailbox_quarantine.hpp"
#include "agent/exchange_access/concurrency_limiter.hpp"
#include "common/async/notifier.hpp"
#include "common/async/task_group.hpp"

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

namespace relay::exchange_access {

struct free_busy_question {
    std::vector<mailbox_address> mailboxes; // one mailbox of two spellings is one
    utc_time start{}, end{};
};

// Loop thread only.
class joint_questions {
public:
    using answers = ews::outcome<std::vector<ews::mailbox_busy>>;

    joint_questions(const asio::any_io_executor& executor, ews::exchange& exchange, time_source& time,
                    turns& line);

    // Whoever asks a question: what the batch has to know of it, and tells it.
    class asker {
    public:
        // How long its next request may take.
        virtual duration request_limit() const = 0;
        // Whether its try may start this instant, although its own turn has not come.
        virtual bool may_start_now() const = 0;
        // It does.
        virtual void starts() = 0;
        // There is a reason to look whether the seat is taken.
        virtual void wake() = 0;

    protected:
        ~asker() = default;
    };

    // A question from when it waits for its turn until its answer is here. Lives in the coroutine that asks.
    class seat {
    public:
        // `ask`: what there is to ask this instant. `mine` is its own turn; `most`: see limits::joint_mailboxes.
        seat(joint_questions& of, asker& who, turns::turn& mine, std::size_t most, utc_time start,
             utc_time end, std::function<free_busy_question()> ask);
        ~seat();
        seat(const seat&) = delete;
        seat& operator=(const seat&) = delete;

        // Goes along with another's, or others with it: its answer comes from answer_of().
        bool is_taken() const noexcept { return in_ != nullptr; }

    private:
        friend class joint_questions;
        joint_questions& of_;
        asker& who_;
        turns::turn& mine_;
        const std::size_t most_;
        const utc_time start_, end_;
        const std::function<free_busy_question()> ask_;
        std::list<seat*>::iterator place_;
        std::shared_ptr<struct joint_request> in_;
        std::vector<std::size_t> columns_; // of its mailboxes in the request
    };

    // The turn of `first` has come, and it is to ask `question`. Takes along what fits and waits; where nothing does,
    // `first` stays alone and is not taken.
    void take_along(seat& first, const free_busy_question& question);

    // Once the seat is taken: its own answers, cut to its own window, as if it had been asked alone; nothing where it has
    // to ask alone now, because the request failed or somebody's mailbox made it slow.
    task<std::optional<answers>> answer_of(const seat& s);

    // Mailboxes that are asked about alone.
    mailbox_quarantine& quarantine() noexcept { return quarantine_; }

    // Cancels what is under way, and waits until it is gone.
    task<void> end();

private:
    task<void> ask(std::shared_ptr<joint_request> together);

    asio::any_io_executor executor_;
    ews::exchange& exchange_;
    time_source& time_;
    turns& line_;
    std::list<seat*> seats_; // in the order in which they came
    task_group requests_;
    mailbox_quarantine quarantine_;
};

} // namespace relay::exchange_access
