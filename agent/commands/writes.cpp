// The three writes. All follow one pattern: look up what Exchange holds by the marks; where the command is
// applied already, answer what is true; where an earlier try may still take effect, wait until it has
// settled; else begin a try durably, send it, and go back to looking where its outcome is not known.
#include "agent/commands/meeting.hpp"
#include "agent/commands/operations.hpp"
#include "agent/commands/outputs.hpp"
#include "agent/commands/write_steps.hpp"
#include "agent/ews/reasons.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <utility>

namespace relay::commands {
namespace {

// What is there already, and was not made by this create, means for it: its end, or nothing where that is not told yet.
std::optional<reply> judge_create(command_run& run, const protocol::event_create& op,
                                  const marked_items& items)
{
    if (items.live.empty())
        return std::nullopt;
    if (run.outcome_is_unknown() && !items.conclusive)
        return std::nullopt; // our own item may yet arrive
    if (items.live.size() > 1)
        return reply(copied_by_hand());
    // PROTOCOL.md, "Commands and results": another agent may have applied it before it was overtaken.
    if (run.ticket().redelivered)
        return carried_out(run, op.event_id, {trace::kind::overtaken, &items.live.front()}, {});
    return reply(
        protocol::fault{protocol::fault_code::conflict, "an event with this event_id exists already", {}});
}

// Looks up and begins at once: a fresh create waits for the slower of the two, not for their sum.
struct looked_and_begun {
    ews::outcome<marked_items> found;
    command_run::try_start started;
};

task<looked_and_begun> look_and_begin(command_run& run, const protocol::event_create& op)
{
    using namespace asio::experimental::awaitable_operators;
    const auto far = run.ticket().event_known ? reach::everywhere : reach::usual;
    auto both = co_await (look_up(run, op.mailbox, op.event_id, far) && run.begin());
    co_return looked_and_begun{std::move(std::get<0>(both)), std::move(std::get<1>(both))};
}

// The first look of a create that nobody can have tried before, with its try begun. Nothing: it did not come
// to that, and the create goes on as any other.
struct fresh_start {
    std::optional<marked_items> found; // the try is begun
    std::optional<ending> over;
};

task<fresh_start> start_fresh(command_run& run, const protocol::event_create& op)
{
    fresh_start start;
    start.over = co_await run.before_try();
    if (start.over || run.may_be_repeat()) // time may have jumped while it waited
        co_return start;
    auto both = co_await look_and_begin(run, op);
    if (both.started.over) {
        start.over = std::move(both.started.over);
    } else if (both.found.has_error()) {
        if (both.started.durable)
            co_await run.retract(both.found.error().fault.code);
        start.over = co_await run.after_failure(both.found.error());
    } else if (both.started.durable) {
        start.found = std::move(*both.found);
        start.found->conclusive = true;
    }
    co_return start;
}

// Exchange mails everybody where anything but the attendees changes, whoever was to be told (ews-managed-api issue
// 20). So only those who come or go are told by changing all else first, in silence, and then the attendees alone.
struct two_steps {
    ews::item_fields silent, attendees;
};

std::optional<two_steps> steps_of(const protocol::event_update& op, const ews::item_fields& fields,
                                  const ews::item& now)
{
    if (op.notify != protocol::notify::changed || !changes_who_is_asked(fields, now) ||
        !changes_more_than_attendees(fields))
        return std::nullopt;
    two_steps steps{fields, {}};
    steps.attendees.attendees = std::exchange(steps.silent.attendees, std::nullopt);
    return steps;
}

// A server may lack a zone that others have. With UTC the instant is right all the same. The same fields once more, or nothing.
std::optional<ews::item_fields> in_utc(const ews::error& e, const ews::item_fields& fields)
{
    if (!ews::lacks_time_zone(e.fault) || e.effect != ews::effect::none || !fields.windows_zone ||
        *fields.windows_zone == "UTC")
        return std::nullopt;
    auto again = fields;
    again.windows_zone = "UTC";
    again.windows_end_zone.reset();
    return again;
}

// As create() of Exchange, in a zone that it has.
task<ews::outcome<ews::item_ref>> apply_create(command_run& run, const protocol::event_create& op,
                                               const std::string& uid)
{
    auto& exchange = run.use().exchange;
    const auto fields = fields_for_create(op.fields);
    const ews::marks marks{op.event_id, run.ticket().id};
    auto made = co_await exchange.create(op.mailbox, fields, marks, uid, op.notify, run.write_bounds());
    if (made.has_error())
        if (auto again = in_utc(made.error(), fields))
            made = co_await exchange.create(op.mailbox, std::move(*again), marks, uid, op.notify,
                                            run.write_bounds());
    co_return made;
}

// As update() of Exchange, in a zone that it has.
task<ews::outcome<ews::item_ref>> update_item(command_run& run, const mailbox_address& mailbox,
                                              ews::item_ref ref, ews::item_fields fields,
                                              std::string command_id, protocol::notify notify)
{
    auto& exchange = run.use().exchange;
    auto changed = co_await exchange.update(mailbox, ref, fields, command_id, notify, run.write_bounds());
    if (changed.has_error())
        if (auto again = in_utc(changed.error(), fields))
            changed = co_await exchange.update(mailbox, std::move(ref), std::move(*again),
                                               std::move(command_id), notify, run.write_bounds());
    co_return changed;
}

// As update() of Exchange, with nobody told who is not concerned. The mark comes with the last step: a first one
// alone counts as not applied, and is repeated in silence.
task<ews::outcome<ews::item_ref>> apply_update(command_run& run, const protocol::event_update& op,
                                               const ews::item& now, ews::item_fields fields)
{
    auto notify = op.notify;
    auto ref = now.ref;
    if (notify == protocol::notify::changed && !changes_who_is_asked(fields, now))
        notify = protocol::notify::none; // Exchange would mail everybody
    bool half_done = false;
    if (auto steps = steps_of(op, fields, now)) {
        half_done = true;
        std::string no_mark;
        auto silent = co_await update_item(run, op.mailbox, std::move(ref), std::move(steps->silent),
                                           std::move(no_mark), protocol::notify::none);
        if (silent.has_value() || silent.error().effect != ews::effect::none)
            run.partly_applied(silent.has_value());
        if (silent.has_error())
            co_return silent.error();
        ref = *silent;
        fields = std::move(steps->attendees);
    }
    auto done =
        co_await update_item(run, op.mailbox, std::move(ref), std::move(fields), run.ticket().id, notify);
    if (!done.has_error() || !half_done)
        co_return done;
    auto e = done.error();
    e.fault.message += command_run::rest_is_changed;
    co_return e;
}

} // namespace

task<ending> run_event_create(command_run& run, protocol::event_create op)
{
    run.about(op.mailbox.key());
    const auto uid = exchange_access::uid_for(op.event_id, run.ticket().id);
    std::optional<marked_items> fresh;
    if (!run.may_be_repeat()) {
        auto start = co_await start_fresh(run, op);
        if (start.over)
            co_return *start.over;
        fresh = std::move(start.found);
    }
    for (;;) {
        const bool begun = fresh.has_value();
        marked_items found;
        if (begun) {
            found = std::move(*std::exchange(fresh, std::nullopt));
        } else {
            const auto usual = run.ticket().event_known ? reach::everywhere : reach::usual;
            auto looked = co_await look_for(run, op.mailbox, op.event_id, reach::usual, usual, uid);
            if (looked.has_error())
                co_return looked.error();
            found = std::move(*looked);
        }
        const auto was = trace_of_create(found, run.ticket().id, uid);
        if (was.what != trace::kind::none) {
            if (op.fields.attendees.empty() || !may_lack_invitations(op.notify, found, was)) {
                if (!op.fields.attendees.empty() && was.what == trace::kind::applied)
                    note_unknown_invitations(run, op.notify, *was.item);
                co_return carried_out(run, op.event_id, was, uid);
            }
            if (auto over = co_await invite(run, op.mailbox, op.event_id, *was.item, found.conclusive))
                co_return *over;
            continue;
        }
        if (auto known = judge_create(run, op, found))
            co_return *known;

        auto may = co_await permission_to_apply(run, found);
        if (may.over)
            co_return *may.over;
        if (!may.given)
            continue;
        if (!begun) {
            auto started = co_await run.begin();
            if (started.over)
                co_return *started.over;
            if (!started.durable)
                continue;
        }
        auto made = co_await apply_create(run, op, uid);
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
    const std::string nobodys; // which UID it was cannot be told by an update
    for (;;) {
        const auto found = co_await look_for(run, op.mailbox, op.event_id, reach::everywhere, reach::certain);
        if (found.has_error())
            co_return found.error();
        const auto was = trace_of_update(*found, run.ticket().id, run.is_left_over());
        if (was.what != trace::kind::none) {
            if (!may_lack_invitations(op.notify, *found, was))
                co_return carried_out(run, op.event_id, was, nobodys);
            if (auto over = co_await invite(run, op.mailbox, op.event_id, *was.item, found->conclusive))
                co_return *over;
            continue;
        }
        auto may = co_await permission_to_apply(run, *found);
        if (may.over)
            co_return *may.over;
        if (!may.given)
            continue;
        if (found->live.empty())
            co_return reply(event_not_found(*found));
        if (found->live.size() > 1)
            co_return reply(copied_by_hand());

        auto item = co_await run.use().exchange.get(op.mailbox, found->live.front().ref, run.request_limit());
        if (item.has_error()) {
            if (auto over = co_await run.after_failure(retry_if_moved(item.error())))
                co_return *over;
            continue;
        }
        if (item->series)
            co_return reply(made_a_series());
        auto fields = fields_for_update(op.set, *item);
        if (fields.has_error())
            co_return reply(fields.error());
        auto started = co_await run.begin();
        if (started.over)
            co_return *started.over;
        if (!started.durable)
            continue;
        auto changed = co_await apply_update(run, op, *item, std::move(*fields));
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
    // begin() is stored only after a look that found the item, so a begun cancel knows that the event
    // existed.
    bool existed = run.ticket().begun.has_value();
    for (;;) {
        const auto found = co_await look_for(run, op.mailbox, op.event_id, reach::everywhere, reach::certain);
        if (found.has_error())
            co_return found.error();
        // In Deleted Items is where a removal puts it; that it is nowhere may be because it is not shown yet.
        if (found->live.empty() && (found->conclusive || !found->deleted.empty())) {
            // Redelivered and in Deleted Items: whoever had the command before us is the likeliest to have
            // put it there.
            existed = existed || (run.ticket().redelivered && !found->deleted.empty());
            auto output = output_of_cancel(op.event_id, existed);
            if (const auto unknown = not_searched(*found); unknown && !existed)
                output["warning"] = warning_of(*unknown);
            co_return applied(run, std::move(output));
        }
        existed = existed || !found->live.empty();

        auto may = co_await permission_to_apply(run, *found);
        if (may.over)
            co_return *may.over;
        if (!may.given)
            continue;
        if (found->live.size() > 1)
            co_return reply(copied_by_hand());
        if (found->live.front().series)
            co_return reply(made_a_series());
        auto started = co_await run.begin();
        if (started.over)
            co_return *started.over;
        if (!started.durable)
            continue;
        auto gone = co_await run.use().exchange.remove(op.mailbox, found->live.front().ref, op.notify,
                                                       run.write_bounds());
        if (gone.has_value()) {
            run.succeeded();
            co_return reply(output_of_cancel(op.event_id, true));
        }
        if (auto over = co_await after_write(run, retry_if_moved(gone.error())))
            co_return *over;
    }
}

} // namespace relay::commands
