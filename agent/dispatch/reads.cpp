#include "agent/dispatch/availability.hpp"
#include "agent/dispatch/look_up.hpp"
#include "agent/dispatch/meeting.hpp"
#include "agent/dispatch/operations.hpp"
#include "agent/dispatch/outputs.hpp"
#include "common/async/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <numeric>

namespace relay::dispatch {
namespace {

using periods = std::vector<ews::busy_period>;

// Mailboxes to ask about, and where each one's answer belongs.
struct question {
    std::vector<mailbox_address> mailboxes;
    std::vector<std::size_t> places;
};

question about_all(const protocol::availability_get& op)
{
    question q{op.mailboxes, std::vector<std::size_t>(op.mailboxes.size())};
    std::iota(q.places.begin(), q.places.end(), std::size_t{0});
    return q;
}

// The part of `q` that policy allows now; what it denies is answered so, each mailbox on its own.
question allowed_part(const question& q, std::size_t first, std::size_t count, const services& s,
                      std::vector<ews::mailbox_busy>& answers)
{
    question part;
    for (auto i = first; i < first + count; ++i) {
        if (const auto allowed = s.allows_mailbox(q.mailboxes[i]); allowed.has_error()) {
            answers[q.places[i]] = allowed.error();
            continue;
        }
        part.mailboxes.push_back(q.mailboxes[i]);
        part.places.push_back(q.places[i]);
    }
    return part;
}

// Puts one part's answers where they belong; a mailbox that failed in one window has failed.
void take_in(std::vector<ews::mailbox_busy>& answers, const std::vector<std::size_t>& places,
             std::vector<ews::mailbox_busy> got)
{
    for (std::size_t i = 0; i < places.size(); ++i) {
        auto& answer = answers[places[i]];
        if (answer.has_error())
            continue;
        if (got[i].has_error())
            answer = got[i].error();
        else
            answer->insert(answer->end(), got[i]->begin(), got[i]->end());
    }
}

// Asks for the parts one after the other, from a list that several askers share; the first that cannot be had
// ends all.
struct part_list {
    const question& q;
    std::vector<availability_part> parts;
    std::vector<ews::mailbox_busy>& answers;
    std::size_t next = 0;
    std::optional<ending> over;
};

task<void> ask_parts(command_run& run, part_list& list)
{
    while (!list.over && list.next < list.parts.size()) {
        const auto part = list.parts[list.next++];
        for (;;) {
            auto over = co_await run.before_try();
            if (!over) { // policy may have changed while it waited
                auto asked = allowed_part(list.q, part.first, part.count, run.use(), list.answers);
                if (asked.mailboxes.empty())
                    break;
                auto got = co_await run.use().exchange.availability(std::move(asked.mailboxes), part.start,
                                                                    part.end, run.request_limit());
                if (got.has_value()) {
                    run.succeeded();
                    take_in(list.answers, asked.places, std::move(*got));
                    break;
                }
                over = co_await run.after_failure(got.error());
            }
            if (over) {
                list.over = std::move(over);
                co_return;
            }
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
    const auto q = allowed_part(about_all(op), 0, op.mailboxes.size(), run.use(), answers);
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
