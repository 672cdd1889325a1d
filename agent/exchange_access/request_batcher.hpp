// Free/busy questions of several commands in one request: what waits for its permit goes along with the first whose permit
// has come. A question that gets its permit at once waits for nobody and is asked alone.
#pragma once

#include "agent/ews/exchange.hpp"
#include "agent/exchange_access/concurrency_limiter.hpp"
#include "agent/exchange_access/mailbox_quarantine.hpp"
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
class request_batcher {
public:
    using answers = ews::outcome<std::vector<ews::mailbox_busy>>;

    request_batcher(const asio::any_io_executor& executor, ews::exchange& exchange, time_source& time,
                    concurrency_limiter& line);

    // Whoever asks a question: what the batch has to know of it, and tells it.
    class requester {
    public:
        // How long its next request may take.
        virtual duration request_limit() const = 0;
        // Whether its try may start this instant, although its own permit has not come.
        virtual bool may_start_now() const = 0;
        // It does.
        virtual void starts() = 0;
        // There is a reason to look whether the entry is taken.
        virtual void wake() = 0;

    protected:
        ~requester() = default;
    };

    // A question from when it waits for its permit until its answer is here. Lives in the coroutine that asks.
    class batch_entry {
    public:
        // `ask`: what there is to ask this instant. `mine` is its own permit; `most`: see limits::batched_mailboxes.
        batch_entry(request_batcher& of, requester& who, concurrency_limiter::permit& mine, std::size_t most,
                    utc_time start, utc_time end, std::function<free_busy_question()> ask);
        ~batch_entry();
        batch_entry(const batch_entry&) = delete;
        batch_entry& operator=(const batch_entry&) = delete;

        // Goes along with another's, or others with it: its answer comes from answer_of().
        bool is_taken() const noexcept { return in_ != nullptr; }

    private:
        friend class request_batcher;
        request_batcher& of_;
        requester& who_;
        concurrency_limiter::permit& mine_;
        const std::size_t most_;
        const utc_time start_, end_;
        const std::function<free_busy_question()> ask_;
        std::list<batch_entry*>::iterator place_;
        std::shared_ptr<struct batch> in_;
        std::vector<std::size_t> columns_; // of its mailboxes in the request
    };

    // `first` has its permit, and it is to ask `question`. Takes along what fits and waits; where nothing does,
    // `first` stays alone and is not taken.
    void take_along(batch_entry& first, const free_busy_question& question);

    // Once the entry is taken: its own answers, cut to its own window, as if it had been asked alone; nothing where it has
    // to ask alone now, because the request failed or somebody's mailbox made it slow.
    task<std::optional<answers>> answer_of(const batch_entry& s);

    // Mailboxes that are asked about alone.
    mailbox_quarantine& quarantine() noexcept { return quarantine_; }

    // Cancels what is under way, and waits until it is gone.
    task<void> end();

private:
    task<void> ask(std::shared_ptr<batch> together);

    asio::any_io_executor executor_;
    ews::exchange& exchange_;
    time_source& time_;
    concurrency_limiter& line_;
    std::list<batch_entry*> entries_; // in the order in which they came
    task_group requests_;
    mailbox_quarantine quarantine_;
};

} // namespace relay::exchange_access
