// event.update: changes what is named of an event, and leaves the rest.
#include "agent/commands/meeting.hpp"
#include "agent/commands/operation.hpp"
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

std::optional<two_steps> steps_of(protocol::notify notify, const ews::item_fields& fields,
                                  const ews::item& now)
{
    if (notify != protocol::notify::changed || !changes_who_is_asked(fields, now) ||
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

// How many the update sends an invitation to, or a change of one.
std::size_t invitations_of(protocol::notify notify, const ews::item_fields& fields, const ews::item& now)
{
    if (notify == protocol::notify::none ||
        (notify == protocol::notify::changed && !changes_who_is_asked(fields, now)))
        return 0;
    return (fields.attendees ? *fields.attendees : now.fields.attendees).size();
}

class event_update final : public event_operation {
public:
    explicit event_update(protocol::unread_operation& from)
        : event_operation(from),
          set_(from.params.needed("set", protocol::read_event_changes)),
          notify_(protocol::read_notify(from.params, protocol::notify_words::all_changed_or_none))
    {
    }

    bool may_apply_in_part() const override { return true; }
    std::span<const protocol::attendee> invites() const override
    {
        return set_.attendees && *set_.attendees ? std::span<const protocol::attendee>(**set_.attendees)
                                                 : std::span<const protocol::attendee>();
    }
    task<ending> carry_out(command_run& run) const override;
    std::optional<store::event_write> effect(const store::command_context& record,
                                             const json::object* output) const override;

private:
    task<ews::outcome<ews::item_ref>> apply(command_run& run, const ews::item& now,
                                            ews::item_fields fields) const;

    protocol::event_changes set_;
    protocol::notify notify_;
};

// As update() of Exchange, with nobody told who is not concerned. The mark comes with the last step: a first one
// alone counts as not applied, and is repeated in silence.
task<ews::outcome<ews::item_ref>> event_update::apply(command_run& run, const ews::item& now,
                                                      ews::item_fields fields) const
{
    auto notify = notify_;
    auto ref = now.ref;
    if (notify == protocol::notify::changed && !changes_who_is_asked(fields, now))
        notify = protocol::notify::none; // Exchange would mail everybody
    bool half_done = false;
    if (auto steps = steps_of(notify_, fields, now)) {
        half_done = true;
        std::string no_mark;
        auto silent = co_await update_item(run, host(), std::move(ref), std::move(steps->silent),
                                           std::move(no_mark), protocol::notify::none);
        if (silent.has_value() || silent.error().effect != ews::effect::none)
            run.partly_applied(silent.has_value());
        if (silent.has_error())
            co_return silent.error();
        ref = *silent;
        fields = std::move(steps->attendees);
    }
    auto done =
        co_await update_item(run, host(), std::move(ref), std::move(fields), run.context().id, notify);
    if (!done.has_error() || !half_done)
        co_return done;
    auto e = done.error();
    e.fault.message += command_run::rest_is_changed;
    co_return e;
}

task<ending> event_update::carry_out(command_run& run) const
{
    run.about(host().key());
    const std::string nobodys; // which UID it was cannot be told by an update
    for (;;) {
        const auto found =
            co_await look_for(run, host(), event_id(), search_scope::everywhere, search_scope::certain);
        if (found.has_error())
            co_return found.error();
        const auto was = trace_of_update(*found, run.context().id, run.is_left_over());
        if (was.what != trace::kind::none) {
            if (!may_lack_invitations(notify_, *found, was))
                co_return carried_out(run, event_id(), was, nobodys);
            if (auto over = co_await invite(run, host(), event_id(), *was.item, found->conclusive))
                co_return *over;
            continue;
        }
        // The store may be an old copy.
        const auto deleted = run.is_left_over() ? deleted_items::may_tell : deleted_items::tell_nothing;
        auto may = co_await permission_to_apply(run, *found, deleted);
        if (may.over)
            co_return *may.over;
        if (!may.given)
            continue;
        if (found->live.empty())
            co_return reply(event_not_found(*found));
        if (found->live.size() > 1)
            co_return reply(copied_by_hand());

        auto item = co_await run.use().exchange.get(host(), found->live.front().ref, run.request_limit());
        if (item.has_error()) {
            if (auto over = co_await run.after_failure(retry_if_moved(item.error())))
                co_return *over;
            continue;
        }
        if (item->series)
            co_return reply(made_a_series());
        auto fields = fields_for_update(set_, *item);
        if (fields.has_error())
            co_return reply(fields.error());
        const auto invitations = invitations_of(notify_, *fields, *item);
        if (invitations > 0 && !fields->attendees)
            if (auto over = run.forbidden_to_tell(item->fields.attendees))
                co_return *over;
        auto started = co_await run.begin(invitations);
        if (started.over)
            co_return *started.over;
        if (!started.durable)
            continue;
        auto changed = co_await apply(run, *item, std::move(*fields));
        if (changed.has_value()) {
            run.succeeded();
            co_return reply(output_of_write(event_id(), *changed, item->uid));
        }
        if (auto over = co_await after_write(run, retry_if_moved(changed.error())))
            co_return *over;
    }
}

std::optional<store::event_write> event_update::effect(const store::command_context& record,
                                                       const json::object* output) const
{
    using effect = store::event_write::effect;
    if (!output) { // one of two requests may have been carried out
        const bool maybe = record.sent || (record.restored && record.attempts > 0);
        return maybe ? std::optional(write_that(effect::doubtful)) : std::nullopt;
    }
    const bool lives_on = record.overtaken && !output->contains("deleted");
    if (lives_on) // as others left it
        return write_that(effect::doubtful);
    auto w = write_that(effect::changed);
    w.item_id = item_id_in(*output);
    w.command_id = record.id;
    w.start = set_.start;
    w.end = set_.end;
    return w;
}

} // namespace

protocol::operation_ptr read_event_update(protocol::unread_operation& from)
{
    return std::make_shared<event_update>(from);
}

} // namespace relay::commands
