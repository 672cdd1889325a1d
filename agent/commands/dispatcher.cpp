#include "agent/commands/dispatcher.hpp"

#include "agent/commands/operation.hpp"
#include "agent/store/loop/command_subject.hpp"
#include "common/log_event/log_event.hpp"

#include <boost/asio/this_coro.hpp>
#include <spdlog/logger.h>

#include <algorithm>
#include <vector>

namespace relay::commands {
namespace {

// Whose params could be read. The catalog makes no other operations.
const runnable& runnable_of(const store::command_context& t)
{
    return dynamic_cast<const runnable&>(**t.operation);
}

std::optional<store::event_write> effect_of(const store::command_context& t, const reply& end)
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
      limiter_(parts_.time, l.most_requests),
      batcher_(executor, parts_.exchange, parts_.time, limiter_),
      services_{parts_.exchange, parts_.store,    parts_.time,  gate_,       limiter_,
                batcher_,        parts_.policy,   invitations_, recipients_, parts_.diagnose,
                parts_.log,      parts_.listener, parts_.out},
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
    co_await batcher_.end();
}

void dispatcher::set_limits(limits l)
{
    limits_ = l;
    limiter_.set_most(l.most_requests);
}

void dispatcher::take(store::context_ptr t)
{
    const auto run = std::make_shared<command_run>(executor_, std::move(t), services_, limits_, random_());
    runs_.insert(run);
    run->context_pointer()->wake = [weak = std::weak_ptr(run)] {
        if (const auto waiting = weak.lock())
            waiting->wake();
    };
    if (!run->context().ordering_key.empty())
        ordered_[run->context().ordering_key].push_back(run);
    if (draining_)
        run->drain();
    handlers_.spawn(carry_out(run));
}

task<void> dispatcher::carry_out(std::shared_ptr<command_run> run)
{
    const auto context = run->context_pointer();
    auto end = ending::suspended();
    std::string fault;
    try {
        if (auto over = co_await wait_for_earlier(*run))
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
    const auto took = std::chrono::round<milliseconds>(parts_.time.now() - context->received_at);
    if (state.cancelled() != asio::cancellation_type::none) {
        if (run->is_read())
            tell(*context, ending::suspended(), took, protocol::ended_command::answer::none);
        co_return;
    }
    if (!fault.empty()) {
        event::internal_fault.error(parts_.log, subject_of(*context), "{} {}: {}", context->op, context->id,
                                    fault);
        end = reply(protocol::fault{
            protocol::fault_code::internal, "a fault of the agent itself; its log says more", {}});
    }

    if (!end.is_suspended()) {
        auto& answer = end.answer();
        unnamed.debug(parts_.log, subject_of(*context), "{} {}: {} after {} attempts and {} ms", context->op,
                      context->id, answer.has_error() ? protocol::name(answer.error().code) : "ok",
                      context->attempts, took.count());
        if (!run->is_read()) {
            tell(*context, end, took);
            auto event = effect_of(*context, answer);
            protocol::result r{context->id, std::move(answer), context->attempts, took};
            auto kept = event;
            co_await parts_.out.finish(std::move(r), std::move(kept));
            if (const auto mailbox = mailbox_address::parse(context->mailbox);
                !context->event_id.empty() && mailbox.has_value())
                parts_.listener.event_settled(*mailbox, event);
        } else if (co_await parts_.in.may_answer(context)) {
            tell(*context, end, took);
            protocol::result r{context->id, std::move(answer), context->attempts, took};
            co_await parts_.out.answer_read(std::move(r), context->deadline);
        } else {
            using how = protocol::ended_command::answer;
            const bool reused = context->id_is == store::command_context::id_state::reused;
            tell(*context, end, took, reused ? how::id_reused : how::none);
        }
    } else if (run->is_read()) {
        tell(*context, end, took, protocol::ended_command::answer::none);
    }
    leave_order(*run);
    runs_.erase(run);
    context->wake = nullptr;
    parts_.in.release(context);
}

// Before the answer is given: whoever counts has counted what the cloud hears of.
void dispatcher::tell(const store::command_context& t, const ending& end, milliseconds took,
                      protocol::ended_command::answer how) const
{
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
    parts_.listener.command_ended(told);
}

task<std::optional<ending>> dispatcher::wait_for_earlier(command_run& run)
{
    const auto& name = run.context().ordering_key;
    while (!name.empty() && ordered_[name].front().get() != &run)
        if (auto over = co_await run.wait_for_wake())
            co_return over;
    co_return std::nullopt;
}

task<ending> dispatcher::perform(command_run& run)
{
    const auto& t = run.context();
    if (t.operation.has_error())
        co_return reply(t.operation.error());
    // A write whose earlier try may have taken effect is looked up even where policy has changed, so that the answer is
    // true; it is not applied again.
    if (const auto allowed = parts_.policy.allows(t.op, **t.operation); allowed.has_error() && !t.begun)
        co_return reply(allowed.error());

    unnamed.debug(parts_.log, subject_of(t), "{} {}: is being carried out", t.op, t.id);
    co_return co_await runnable_of(t).carry_out(run);
}

void dispatcher::leave_order(const command_run& run)
{
    const auto found = ordered_.find(run.context().ordering_key);
    if (found == ordered_.end())
        return;
    auto& waiting = found->second;
    std::erase_if(waiting, [&](const auto& other) { return other.get() == &run; });
    if (waiting.empty())
        ordered_.erase(found);
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
        runs_, [&](const auto& run) { return run->context().id == id && !run->is_read(); });
    return found == runs_.end() ? nullptr : found->get();
}

admin_request dispatcher::retry_now(std::string_view id)
{
    auto* const run = find_write(id);
    return run ? run->retry_now() : admin_request::unknown;
}

admin_request dispatcher::drop(std::string_view id)
{
    auto* const run = find_write(id);
    return run ? run->drop() : admin_request::unknown;
}

void dispatcher::wake_all()
{
    for (const auto& run : runs_)
        run->wake();
}

} // namespace relay::commands
