// The three writes. All follow one pattern: look up what Exchange holds by the marks; where the command is applied
// already, answer what is true; where an earlier try may still take effect, wait until it has settled; else begin a try
// durably, send it, and go back to looking where its outcome is not known.
#include "agent/dispatch/look_up.hpp"
#include "agent/dispatch/meeting.hpp"
#include "agent/dispatch/operations.hpp"
#include "agent/dispatch/outputs.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <spdlog/logger.h>

namespace relay::dispatch {
namespace {

reply done(const std::string& event_id, const ews::found_item& item)
{
    return output_of_write(event_id, item.ref, item.uid);
}

// What a failed try of a write leaves to do: how the command ends, or nothing where it goes back to looking.
task<std::optional<ending>> after_write(command_run& run, ews::error e)
{
    if (e.effect == ews::effect::unknown) {
        const bool for_good = e.remedy == ews::remedy::give_up;
        run.outcome_unknown(for_good ? std::optional(e.fault) : std::nullopt);
        run.use().log.warn("{} {}: {}; looking up whether it was carried out", run.ticket().op, run.ticket().id,
                           e.fault.message);
        // Whatever the answer said, only Exchange's calendar tells: the look-up comes next.
        if (for_good)
            e.remedy = ews::remedy::retry;
    } else {
        co_await run.retract(e);
    }
    co_return co_await run.after_failure(std::move(e));
}

// A write may be applied (again): nothing of an earlier try can still arrive and the command's time is not over.
task<std::optional<ending>> clear_to_apply(command_run& run, bool& clear)
{
    clear = false;
    if (run.outcome_is_unknown()) {
        if (!run.settled())
            co_return co_await run.wait_to_settle();
        if (auto refused = run.never_arrived())
            co_return refused;
    }
    if (run.deadline_passed())
        co_return ending{run.deadline_answer()};
    clear = true;
    co_return std::nullopt;
}

// What the look-up before a create says: the command's end, or nothing where it is to be applied.
std::optional<reply> judge_create(const command_run& run, const protocol::event_create& op, const std::string& uid,
                                  const marked_items& items)
{
    const auto& id = run.ticket().id;
    if (run.may_be_repeat())
        if (const auto* ours = items.changed_by(id))
            return done(op.event_id, *ours);
    if (items.live.empty())
        return std::nullopt;
    if (items.live.size() > 1)
        return reply(copied_by_hand());
    // Another command's mark: where another agent may have applied this one, it was overtaken since (PROTOCOL.md, "The
    // marks"). Where only we may have, the item tells by its UID whether this command made it, or was kept from it.
    if (run.ticket().redelivered || items.live.front().uid == uid)
        return done(op.event_id, items.live.front());
    return reply(protocol::fault{protocol::fault_code::conflict, "an event with this event_id exists already", {}});
}

// Looks up and begins at once: a fresh create waits for the slower of the two, not for their sum.
struct looked_and_begun {
    ews::outcome<marked_items> found;
    command_run::try_start started;
};

task<looked_and_begun> look_and_begin(command_run& run, const protocol::event_create& op)
{
    using namespace asio::experimental::awaitable_operators;
    auto both = co_await (look_up(run, op.mailbox, op.event_id) && run.begin());
    co_return looked_and_begun{std::move(std::get<0>(both)), std::move(std::get<1>(both))};
}

} // namespace

task<ending> run_event_create(command_run& run, protocol::event_create op)
{
    run.about(op.mailbox.key());
    const auto uid = uid_for(op.event_id, run.ticket().id);
    bool first = !run.may_be_repeat();
    for (;;) {
        if (auto over = co_await run.before_try())
            co_return *over;

        bool begun = false;
        ews::outcome<marked_items> found = marked_items{};
        if (first) {
            auto both = co_await look_and_begin(run, op);
            if (both.started.over)
                co_return *both.started.over;
            found = std::move(both.found);
            begun = both.started.durable;
        } else {
            found = co_await look_up(run, op.mailbox, op.event_id);
        }
        first = false;
        if (found.has_error()) {
            if (begun)
                co_await run.retract(found.error());
            if (auto over = co_await run.after_failure(found.error()))
                co_return *over;
            continue;
        }
        if (auto known = judge_create(run, op, uid, *found))
            co_return *known;

        bool clear = false;
        if (auto over = co_await clear_to_apply(run, clear))
            co_return *over;
        if (!clear)
            continue;
        if (!begun) {
            auto started = co_await run.begin();
            if (started.over)
                co_return *started.over;
            if (!started.durable)
                continue;
        }
        auto fields = fields_for_create(op.fields);
        ews::marks marks{op.event_id, run.ticket().id};
        auto made = co_await run.use().exchange.create(op.mailbox, std::move(fields), std::move(marks), uid, op.notify,
                                                       run.request_limit());
        if (made.has_value()) {
            run.succeeded();
            co_return reply(output_of_write(op.event_id, *made, uid));
        }
        if (auto over = co_await after_write(run, made.error()))
            co_return *over;
    }
}

task<ending> run_event_update(command_run& run, protocol::event_update op)
{
    run.about(op.mailbox.key());
    for (;;) {
        if (auto over = co_await run.before_try())
            co_return *over;
        auto found = co_await look_up(run, op.mailbox, op.event_id);
        if (found.has_error()) {
            if (auto over = co_await run.after_failure(found.error()))
                co_return *over;
            continue;
        }
        // Ids are unique for ever, so an item that carries ours was changed by this very command.
        if (const auto* ours = found->changed_by(run.ticket().id))
            co_return done(op.event_id, *ours);
        if (found->live.size() > 1)
            co_return reply(copied_by_hand());

        bool clear = false;
        if (auto over = co_await clear_to_apply(run, clear))
            co_return *over;
        if (!clear)
            continue;
        if (found->live.empty())
            co_return reply(event_not_found());

        auto item = co_await run.use().exchange.get(op.mailbox, found->live.front().ref, run.request_limit());
        if (item.has_error()) {
            if (auto over = co_await run.after_failure(retry_if_moved(item.error())))
                co_return *over;
            continue;
        }
        auto fields = fields_for_update(op.set, *item);
        if (fields.has_error())
            co_return reply(fields.error());
        auto started = co_await run.begin();
        if (started.over)
            co_return *started.over;
        if (!started.durable)
            continue;
        auto changed = co_await run.use().exchange.update(op.mailbox, item->ref, std::move(*fields), run.ticket().id,
                                                          op.notify, run.request_limit());
        if (changed.has_value()) {
            run.succeeded();
            co_return reply(output_of_write(op.event_id, *changed, item->uid));
        }
        if (auto over = co_await after_write(run, retry_if_moved(changed.error())))
            co_return *over;
    }
}

task<ending> run_event_cancel(command_run& run, protocol::event_cancel op)
{
    run.about(op.mailbox.key());
    // begin() is stored only after a look that found the item, so a begun cancel knows that the event existed.
    bool existed = run.ticket().begun.has_value();
    for (;;) {
        if (auto over = co_await run.before_try())
            co_return *over;
        auto found = co_await look_up(run, op.mailbox, op.event_id);
        if (found.has_error()) {
            if (auto over = co_await run.after_failure(found.error()))
                co_return *over;
            continue;
        }
        if (found->live.empty()) {
            // Redelivered and in Deleted Items: whoever had the command before us is the likeliest to have put it there.
            existed = existed || (run.ticket().redelivered && !found->deleted.empty());
            co_return reply(output_of_cancel(op.event_id, existed));
        }
        if (found->live.size() > 1)
            co_return reply(copied_by_hand());
        existed = true;

        bool clear = false;
        if (auto over = co_await clear_to_apply(run, clear))
            co_return *over;
        if (!clear)
            continue;
        auto started = co_await run.begin();
        if (started.over)
            co_return *started.over;
        if (!started.durable)
            continue;
        auto gone = co_await run.use().exchange.remove(op.mailbox, found->live.front().ref, op.notify, run.request_limit());
        if (gone.has_value()) {
            run.succeeded();
            co_return reply(output_of_cancel(op.event_id, true));
        }
        if (auto over = co_await after_write(run, retry_if_moved(gone.error())))
            co_return *over;
    }
}

} // namespace relay::dispatch
