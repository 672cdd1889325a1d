#include "agent/commands/meeting.hpp"
#include "agent/commands/operations.hpp"
#include "agent/commands/write_steps.hpp"

#include <utility>

namespace relay::commands {
namespace {

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

} // namespace relay::commands
