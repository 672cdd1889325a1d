#include "agent/dispatch/availability_question.hpp"
#include "agent/dispatch/joint_questions.hpp"
#include "agent/dispatch/look_up.hpp"
#include "agent/dispatch/meeting.hpp"
#include "agent/dispatch/operations.hpp"
#include "agent/dispatch/outputs.hpp"
#include "common/async/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace relay::dispatch {
namespace {

// The mailboxes that policy lets us ask about, and where each one's answer belongs.
struct allowed_mailboxes {
    std::vector<mailbox_address> mailboxes;
    std::vector<std::size_t> places;
};

// Takes out what policy denies, which is answered so, each mailbox on its own.
allowed_mailboxes allowed_of(const protocol::availability_get& op, const services& s,
                             std::vector<ews::mailbox_busy>& answers)
{
    allowed_mailboxes some;
    for (std::size_t i = 0; i < op.mailboxes.size(); ++i) {
        if (const auto allowed = s.allows_mailbox(op.mailboxes[i]); allowed.has_error()) {
            answers[i] = allowed.error();
            continue;
        }
        some.mailboxes.push_back(op.mailboxes[i]);
        some.places.push_back(i);
    }
    return some;
}

// What several askers share; the first part that cannot be had ends all.
struct shared_question {
    availability_question question;
    std::optional<ending> over{};
};

// Asks for one part until it is answered; how the command ends instead.
task<std::optional<ending>> ask_part(command_run& run, availability_question& all, availability_part part)
{
    auto& joint = run.use().joint;
    turns::turn mine;
    std::vector<std::size_t> numbers;
    const std::function<free_busy_question()> ask = [&] { // policy may have changed while it waited
        auto asked = all.still_allowed(part, run.use().allows_mailbox);
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
            all.take_in(part, numbers, got->value());
            co_return std::nullopt;
        }
        if (all.ask_for_less(part, numbers, got->error().fault))
            co_return std::nullopt;
        over = co_await run.after_failure(got->error(), mine);
        if (over)
            co_return over;
    }
}

task<void> ask_parts(command_run& run, shared_question& shared)
{
    while (!shared.over && shared.question.parts_left() > 0) {
        auto over = co_await ask_part(run, shared.question, shared.question.take_part());
        if (over) {
            shared.over = std::move(over);
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
    std::vector<ews::mailbox_busy> answers(op.mailboxes.size(), std::vector<ews::busy_period>{});
    auto [mailboxes, places] = allowed_of(op, run.use(), answers);
    shared_question shared{{std::move(mailboxes), op.start, op.end}};
    const auto parts = shared.question.parts_left();
    if (parts == 1) {
        co_await ask_parts(run, shared);
    } else {
        task_group askers(co_await asio::this_coro::executor);
        const auto wanted = std::min(parts, static_cast<std::size_t>(run.bounds().parallel_parts));
        for (std::size_t i = 0; i < wanted; ++i)
            askers.spawn(ask_parts(run, shared));
        co_await askers.join();
    }
    if (shared.over)
        co_return *shared.over;
    for (std::size_t i = 0; i < places.size(); ++i)
        answers[places[i]] = std::move(shared.question.answers()[i]);
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
            auto output = output_of_get(op.event_id, as_given(*item), item->answers);
            if (item->series) // its times are those of the first occurrence
                output["series"] = true;
            co_return reply(std::move(output));
        }
        if (auto over = co_await run.after_failure(retry_if_moved(item.error())))
            co_return *over;
    }
}

} // namespace relay::dispatch
