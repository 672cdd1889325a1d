#include "agent/dispatch/availability.hpp"
#include "agent/dispatch/joint_questions.hpp"
#include "agent/dispatch/look_up.hpp"
#include "agent/dispatch/meeting.hpp"
#include "agent/dispatch/operations.hpp"
#include "agent/dispatch/outputs.hpp"
#include "common/async/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <iterator>

namespace relay::dispatch {
namespace {

using periods = std::vector<ews::busy_period>;

// The mailboxes that policy lets us ask about, and where each one's answer belongs. Parts know them by their number
// here.
struct question {
    std::vector<mailbox_address> mailboxes;
    std::vector<std::size_t> places;
};

// Some of them, as they are asked for together.
struct asked_part {
    std::vector<mailbox_address> mailboxes;
    std::vector<std::size_t> numbers;
};

// Takes out what policy denies, which is answered so, each mailbox on its own.
question allowed_question(const protocol::availability_get& op, const services& s,
                          std::vector<ews::mailbox_busy>& answers)
{
    question q;
    for (std::size_t i = 0; i < op.mailboxes.size(); ++i) {
        if (const auto allowed = s.allows_mailbox(op.mailboxes[i]); allowed.has_error()) {
            answers[i] = allowed.error();
            continue;
        }
        q.mailboxes.push_back(op.mailboxes[i]);
        q.places.push_back(i);
    }
    return q;
}

// Asks for the parts one after the other, from a list that several askers share; the first that cannot be had
// ends all.
struct part_list {
    const question& q;
    std::vector<availability_part> parts;
    std::vector<ews::mailbox_busy>& answers;
    std::size_t next = 0;
    std::optional<ending> over;

    ews::mailbox_busy& answer_of(std::size_t number) { return answers[q.places[number]]; }

    // False where there is nothing to add. They come next: what never gets small enough is found out soon.
    bool add_next(std::vector<availability_part> more)
    {
        parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(next), std::make_move_iterator(more.begin()),
                     std::make_move_iterator(more.end()));
        return !more.empty();
    }
};

// Of a part what policy allows now (it may have changed while the part waited), and what has not failed already.
asked_part still_allowed(part_list& list, const availability_part& part, const services& s)
{
    asked_part asked;
    for (const auto number : mailboxes_of(part)) {
        if (list.answer_of(number).has_error())
            continue;
        if (const auto allowed = s.allows_mailbox(list.q.mailboxes[number]); allowed.has_error()) {
            list.answer_of(number) = allowed.error();
            continue;
        }
        asked.mailboxes.push_back(list.q.mailboxes[number]);
        asked.numbers.push_back(number);
    }
    return asked;
}

// Puts one part's answers where they belong; a mailbox that failed in one window has failed. One that has more
// entries than Exchange lists is asked for again, half of the time at once.
void take_in(part_list& list, const availability_part& part, const std::vector<std::size_t>& numbers,
             const std::vector<ews::mailbox_busy>& got)
{
    std::vector<std::size_t> too_full;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        auto& answer = list.answer_of(numbers[i]);
        if (answer.has_error())
            continue;
        if (got[i].has_value())
            answer->insert(answer->end(), got[i]->begin(), got[i]->end());
        else if (got[i].error().exchange == "ErrorResultSetTooBig" &&
                 !halve_window(part, {numbers[i]}).empty())
            too_full.push_back(numbers[i]);
        else
            answer = got[i].error();
    }
    list.add_next(halve_window(part, std::move(too_full)));
}

// True where Exchange refuses the part as too much, by limits of its own, and smaller ones are asked for instead.
bool ask_for_less(part_list& list, const availability_part& part, const std::vector<std::size_t>& numbers,
                  const protocol::fault& refusal)
{
    if (refusal.exchange == "ErrorTimeIntervalTooBig")
        return list.add_next(halve_window(part, numbers));
    if (refusal.exchange == "ErrorMailboxDataArrayTooBig")
        return list.add_next(halve_mailboxes(part, numbers));
    return refusal.code == protocol::fault_code::result_too_large &&
           list.add_next(halve_mailboxes(part, numbers));
}

// Asks for one part until it is answered; how the command ends instead.
task<std::optional<ending>> ask_part(command_run& run, part_list& list, availability_part part)
{
    auto& joint = run.use().joint;
    turns::turn mine;
    std::vector<std::size_t> numbers;
    const std::function<free_busy_question()> ask = [&] { // policy may have changed while it waited
        auto asked = still_allowed(list, part, run.use());
        numbers = std::move(asked.numbers);
        return free_busy_question{std::move(asked.mailboxes), part.start, part.end};
    };
    auto most = run.bounds().joint_mailboxes;
    for (;;) {
        joint_questions::seat seat(joint, run, mine, most, part.start, part.end, ask);
        const std::function<bool()> taken = [&seat] { return seat.is_taken(); };
        auto over = co_await run.before_try(mine, taken);
        if (over)
            co_return over;
        free_busy_question question;
        if (!seat.is_taken()) {
            question = ask();
            if (question.mailboxes.empty())
                co_return std::nullopt;
            joint.take_along(seat, question);
        }
        std::optional<joint_questions::answers> got;
        if (seat.is_taken()) {
            got = co_await joint.answer_of(seat);
            if (!got) {
                most = 0;
                continue;
            }
        } else {
            got = co_await run.use().exchange.availability(std::move(question.mailboxes), part.start,
                                                           part.end, run.request_limit());
        }
        if (got->has_value()) {
            run.succeeded(mine);
            take_in(list, part, numbers, got->value());
            co_return std::nullopt;
        }
        if (ask_for_less(list, part, numbers, got->error().fault))
            co_return std::nullopt;
        over = co_await run.after_failure(got->error(), mine);
        if (over)
            co_return over;
    }
}

task<void> ask_parts(command_run& run, part_list& list)
{
    while (!list.over && list.next < list.parts.size()) {
        const auto part = list.parts[list.next++];
        auto over = co_await ask_part(run, list, part);
        if (over) {
            list.over = std::move(over);
            co_return;
        }
    }
}

} // namespace

task<ending> run_connection_test(command_run& run)
{
    for (;;) {
        if (auto over = co_await run.before_try())
            co_return *over;
        const auto sent = run.use().time.now();
        auto info = co_await run.use().exchange.resolve_account(run.request_limit());
        if (info.has_value()) {
            run.succeeded();
            const auto took = std::chrono::round<milliseconds>(run.use().time.now() - sent);
            co_return reply(output_of_connection_test(*info, took));
        }
        if (auto over = co_await run.after_failure(info.error()))
            co_return *over;
    }
}

task<ending> run_mailbox_verify(command_run& run, protocol::mailbox_verify op)
{
    run.about(op.mailbox.key());
    for (;;) {
        if (auto over = co_await run.before_try())
            co_return *over;
        auto info = co_await run.use().exchange.open_calendar(op.mailbox, run.request_limit());
        if (info.has_value()) {
            run.succeeded();
            co_return reply(output_of_mailbox_verify(op.mailbox, *info));
        }
        if (auto over = co_await run.after_failure(info.error()))
            co_return *over;
    }
}

task<ending> run_availability_get(command_run& run, protocol::availability_get op)
{
    std::vector<ews::mailbox_busy> answers(op.mailboxes.size(), periods{});
    const auto q = allowed_question(op, run.use(), answers);
    part_list list{q, split_availability(q.mailboxes.size(), op.start, op.end), answers, 0, {}};
    if (list.parts.size() == 1) {
        co_await ask_parts(run, list);
    } else {
        task_group askers(co_await asio::this_coro::executor);
        const auto wanted =
            std::min(list.parts.size(), static_cast<std::size_t>(run.bounds().parallel_parts));
        for (std::size_t i = 0; i < wanted; ++i)
            askers.spawn(ask_parts(run, list));
        co_await askers.join();
    }
    if (list.over)
        co_return *list.over;
    for (auto& mailbox : answers)
        if (mailbox.has_value())
            *mailbox = join_periods(std::move(*mailbox), op.start, op.end);
    co_return reply(output_of_availability(op.mailboxes, answers));
}

task<ending> run_event_get(command_run& run, protocol::event_get op)
{
    run.about(op.mailbox.key());
    for (;;) {
        const auto found =
            co_await look_for(run, op.mailbox, op.event_id, reach::everywhere, reach::everywhere);
        if (found.has_error())
            co_return found.error();
        if (found->live.empty())
            co_return reply(event_not_found());
        if (found->live.size() > 1)
            co_return reply(copied_by_hand());
        auto item = co_await run.use().exchange.get(op.mailbox, found->live.front().ref, run.request_limit());
        if (item.has_value()) {
            run.succeeded();
            co_return reply(output_of_get(op.event_id, as_given(*item), item->answers));
        }
        if (auto over = co_await run.after_failure(retry_if_moved(item.error())))
            co_return *over;
    }
}

} // namespace relay::dispatch
