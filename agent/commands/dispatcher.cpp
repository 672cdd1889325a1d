#include "agent/commands/dispatcher.hpp"

#include "agent/commands/operation.hpp"
#include "agent/store/loop/ticket_subject.hpp"
#include "common/log_event/log_event.hpp"

#include <boost/asio/this_coro.hpp>
#include <spdlog/logger.h>

#include <algorithm>
#include <vector>

namespace relay::commands {
namespace {

// Whose params could be read. The catalog makes no other operations.
const runnable& runnable_of(const store::ticket& t)
{
    return dynamic_cast<const runnable&>(**t.operation);
}

std::optional<store::event_write> effect_of(const store::ticket& t, const reply& end)
{
    if (t.operation.has_error())
        return std::nullopt;
    return runnable_of(t).effect(t, end.has_value() ? &*end : nullptr);
}

} // namespace

dispatcher::dispatcher(asio::any_io_executor executor, parts p, limits l, std::uint64_t seed)
    : executor_(executor),
      parts_(std::move(p)),
      limits_(l),
      random_(seed),
      gate_(
          random_(), [this] { wake_all(); }, parts_.log),
      turns_(parts_.time, l.most_requests),
      joint_(executor, parts_.exchange, parts_.time, turns_),
      handlers_(executor)
{
}

task<void> dispatcher::run()
{
    co_await asio::this_coro::throw_if_cancelled(false); // handlers are joined on the way out
    for (;;) {
        auto next = co_await parts_.in.next();
        if (next.has_error())
            break;
        take(std::move(*next));
    }
    handlers_.stop();
    co_await handlers_.join();
    co_await joint_.end();
}

void dispatcher::set_limits(limits l)
{
    limits_ = l;
    turns_.set_most(l.most_requests);
}

void dispatcher::take(store::ticket_ptr t)
{
    const services s{parts_.exchange,
                     parts_.store,
                     parts_.time,
                     gate_,
                     turns_,
                     joint_,
                     parts_.allows,
                     parts_.allows_mailbox,
                     parts_.diagnose,
                     parts_.log,
                     parts_.watches_changed,
                     parts_.jumps};
    const auto run = std::make_shared<command_run>(executor_, std::move(t), s, limits_, random_());
    runs_.insert(run);
    run->ticket_pointer()->wake = [weak = std::weak_ptr(run)] {
        if (const auto waiting = weak.lock())
            waiting->wake();
    };
    if (!run->ticket().lane.empty())
        lanes_[run->ticket().lane].push_back(run);
    if (draining_)
        run->drain();
    handlers_.spawn(carry_out(run));
}

task<void> dispatcher::carry_out(std::shared_ptr<command_run> run)
{
    const auto ticket = run->ticket_pointer();
    auto end = ending::suspended();
    std::string fault;
    try {
        if (auto over = co_await wait_for_turn(*run))
            end = std::move(*over);
        else
            end = co_await perform(*run);
    } catch (const std::exception& e) {
        fault = e.what();
    }
    run->ends_asking();
    // Cut off by the end of the drain (operators && and || wrap the cancel in exceptions of their own, so the state is
    // what tells): a stored write goes on after the next start.
    const auto state = co_await asio::this_coro::cancellation_state;
    const auto took = std::chrono::round<milliseconds>(parts_.time.now() - ticket->received_at);
    if (state.cancelled() != asio::cancellation_type::none) {
        if (run->is_read())
            tell(*ticket, ending::suspended(), took, protocol::ended_command::answer::none);
        co_return;
    }
    if (!fault.empty()) {
        event::internal_fault.error(parts_.log, subject_of(*ticket), "{} {}: {}", ticket->op, ticket->id,
                                    fault);
        end = reply(protocol::fault{
            protocol::fault_code::internal, "a fault of the agent itself; its log says more", {}});
    }

    if (!end.is_suspended()) {
        auto& answer = end.answer();
        unnamed.debug(parts_.log, subject_of(*ticket), "{} {}: {} after {} attempts and {} ms", ticket->op,
                      ticket->id, answer.has_error() ? protocol::name(answer.error().code) : "ok",
                      ticket->attempts, took.count());
        if (!run->is_read()) {
            tell(*ticket, end, took);
            auto event = effect_of(*ticket, answer);
            protocol::result r{ticket->id, std::move(answer), ticket->attempts, took};
            auto kept = event;
            co_await parts_.out.finish(std::move(r), std::move(kept));
            if (const auto mailbox = mailbox_address::parse(ticket->mailbox);
                parts_.event_settled && !ticket->event_id.empty() && mailbox.has_value())
                parts_.event_settled(*mailbox, event);
        } else if (co_await parts_.in.may_answer(ticket)) {
            tell(*ticket, end, took);
            protocol::result r{ticket->id, std::move(answer), ticket->attempts, took};
            co_await parts_.out.answer_read(std::move(r), ticket->deadline);
        } else {
            using how = protocol::ended_command::answer;
            const bool reused = ticket->id_is == store::ticket::id_state::reused;
            tell(*ticket, end, took, reused ? how::id_reused : how::none);
        }
    } else if (run->is_read()) {
        tell(*ticket, end, took, protocol::ended_command::answer::none);
    }
    leave_lane(*run);
    runs_.erase(run);
    ticket->wake = nullptr;
    parts_.in.release(ticket);
}

// Before the answer is given: whoever counts has counted what the cloud hears of.
void dispatcher::tell(const store::ticket& t, const ending& end, milliseconds took,
                      protocol::ended_command::answer how) const
{
    if (!parts_.ended)
        return;
    protocol::ended_command told{.id = t.id, .op = t.op, .fault = {}, .attempts = t.attempts, .took = took};
    if (!end.is_suspended() && end.answer().has_error())
        told.fault = end.answer().error().code;
    told.how = how;
    told.stored = t.kind == protocol::operation_class::write;
    told.session = t.session;
    told.mailbox = t.mailbox;
    told.event_id = t.event_id;
    if (t.operation.has_value())
        told.mailboxes = (*t.operation)->asks_about();
    parts_.ended(told);
}

task<std::optional<ending>> dispatcher::wait_for_turn(command_run& run)
{
    const auto& name = run.ticket().lane;
    while (!name.empty() && lanes_[name].front().get() != &run)
        if (auto over = co_await run.wait_for_wake())
            co_return over;
    co_return std::nullopt;
}

task<ending> dispatcher::perform(command_run& run)
{
    const auto& t = run.ticket();
    if (t.operation.has_error())
        co_return reply(t.operation.error());
    // A write whose earlier try may have taken effect is looked up even where policy has changed, so that the answer is
    // true; it is not applied again.
    if (const auto allowed = parts_.allows(t); allowed.has_error() && !t.begun)
        co_return reply(allowed.error());

    unnamed.debug(parts_.log, subject_of(t), "{} {}: is being carried out", t.op, t.id);
    co_return co_await runnable_of(t).carry_out(run);
}

void dispatcher::leave_lane(const command_run& run)
{
    const auto found = lanes_.find(run.ticket().lane);
    if (found == lanes_.end())
        return;
    auto& waiting = found->second;
    std::erase_if(waiting, [&](const auto& other) { return other.get() == &run; });
    if (waiting.empty())
        lanes_.erase(found);
    else
        waiting.front()->wake();
}

void dispatcher::drain()
{
    draining_ = true;
    for (const auto& run : runs_)
        run->drain();
}

command_run* dispatcher::find_write(std::string_view id)
{
    const auto found = std::ranges::find_if(
        runs_, [&](const auto& run) { return run->ticket().id == id && !run->is_read(); });
    return found == runs_.end() ? nullptr : found->get();
}

wish dispatcher::hurry(std::string_view id)
{
    auto* const run = find_write(id);
    return run ? run->hurry() : wish::unknown;
}

wish dispatcher::drop(std::string_view id)
{
    auto* const run = find_write(id);
    return run ? run->drop() : wish::unknown;
}

void dispatcher::wake_all()
{
    for (const auto& run : runs_)
        run->wake();
}

} // namespace relay::commands
