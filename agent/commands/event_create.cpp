// event.create: makes the item of an event, once.
#include "agent/commands/identify.hpp"
#include "agent/commands/meeting.hpp"
#include "agent/commands/operation.hpp"
#include "agent/commands/operations.hpp"
#include "agent/commands/write_steps.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <utility>

namespace relay::commands {
namespace {

// What is there already, and was not made by this create, means for it: its end, or nothing where that is not told yet.
std::optional<reply> judge_create(command_run& run, const event_operation& op, const marked_items& items)
{
    if (items.live.empty())
        return std::nullopt;
    if (run.outcome_is_unknown() && !items.conclusive)
        return std::nullopt; // our own item may yet arrive
    if (items.live.size() > 1)
        return reply(copied_by_hand());
    // PROTOCOL.md, "Commands and results": another agent may have applied it before it was overtaken.
    if (run.context().redelivered)
        return carried_out(run, op.event_id(), {trace::kind::overtaken, &items.live.front()}, {});
    return reply(
        protocol::fault{protocol::fault_code::conflict, "an event with this event_id exists already", {}});
}

// Looks up and begins at once: a fresh create waits for the slower of the two, not for their sum.
struct looked_and_begun {
    ews::outcome<marked_items> found;
    command_run::try_start started;
};

task<looked_and_begun> look_and_begin(command_run& run, const event_operation& op, std::size_t invitations)
{
    using namespace asio::experimental::awaitable_operators;
    const auto far = run.context().event_known ? search_scope::everywhere : search_scope::usual;
    auto both = co_await (look_up(run, op.host(), op.event_id(), far) && run.begin(invitations));
    co_return looked_and_begun{std::move(std::get<0>(both)), std::move(std::get<1>(both))};
}

// The first look of a create that nobody can have tried before, with its try begun. Nothing: it did not come
// to that, and the create goes on as any other.
struct fresh_start {
    std::optional<marked_items> found; // the try is begun
    std::optional<ending> over;
};

task<fresh_start> start_fresh(command_run& run, const event_operation& op, std::size_t invitations)
{
    fresh_start start;
    start.over = co_await identify_invited(run);
    if (!start.over)
        start.over = co_await run.before_try();
    if (start.over || run.may_be_repeat()) // time may have jumped while it waited
        co_return start;
    auto both = co_await look_and_begin(run, op, invitations);
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

class event_create final : public event_operation {
public:
    explicit event_create(protocol::unread_operation& from)
        : event_operation(from),
          fields_(protocol::read_event_fields(from.params, from.found)),
          notify_(protocol::read_notify(from.params, protocol::notify_words::all_or_none))
    {
    }

    std::span<const protocol::attendee> invites() const override { return fields_.attendees; }
    task<ending> carry_out(command_run& run) const override;
    std::optional<store::event_write> effect(const store::command_context& record,
                                             const json::object* output) const override;

private:
    task<ews::outcome<ews::item_ref>> apply(command_run& run, const std::string& uid) const;
    std::size_t invitations() const
    {
        return notify_ == protocol::notify::none ? 0 : fields_.attendees.size();
    }

    protocol::event_fields fields_;
    protocol::notify notify_;
};

// As create() of Exchange, in a zone that it has.
task<ews::outcome<ews::item_ref>> event_create::apply(command_run& run, const std::string& uid) const
{
    auto& exchange = run.use().exchange;
    const auto fields = fields_for_create(fields_);
    const ews::marks marks{event_id(), run.context().id};
    auto made = co_await exchange.create(host(), fields, marks, uid, notify_, run.write_bounds());
    if (made.has_error())
        if (auto again = in_utc(made.error(), fields))
            made =
                co_await exchange.create(host(), std::move(*again), marks, uid, notify_, run.write_bounds());
    co_return made;
}

task<ending> event_create::carry_out(command_run& run) const
{
    run.about(host().key());
    const auto uid = exchange_access::uid_for(event_id(), run.context().id);
    std::optional<marked_items> fresh;
    if (!run.may_be_repeat()) {
        auto start = co_await start_fresh(run, *this, invitations());
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
            const auto usual = run.context().event_known ? search_scope::everywhere : search_scope::usual;
            auto looked = co_await look_for(run, host(), event_id(), search_scope::usual, usual, uid);
            if (looked.has_error())
                co_return looked.error();
            found = std::move(*looked);
        }
        const auto was = trace_of_create(found, run.context().id, uid);
        if (was.what != trace::kind::none) {
            if (fields_.attendees.empty() || !may_lack_invitations(notify_, found, was)) {
                if (!fields_.attendees.empty() && was.what == trace::kind::applied)
                    note_unknown_invitations(run, notify_, *was.item);
                co_return carried_out(run, event_id(), was, uid);
            }
            if (auto over = co_await invite(run, host(), event_id(), *was.item, found.conclusive))
                co_return *over;
            continue;
        }
        if (auto known = judge_create(run, *this, found))
            co_return *known;

        const auto deleted = run.may_be_repeat() ? deleted_items::may_tell : deleted_items::tell_nothing;
        auto may = co_await permission_to_apply(run, found, deleted);
        if (may.over)
            co_return *may.over;
        if (!may.given)
            continue;
        if (!begun) {
            auto started = co_await run.begin(invitations());
            if (started.over)
                co_return *started.over;
            if (!started.durable)
                continue;
        }
        auto made = co_await apply(run, uid);
        if (made.has_value()) {
            run.succeeded();
            co_return reply(output_of_write(event_id(), *made, uid));
        }
        if (auto over = co_await after_write(run, made.error()))
            co_return *over;
    }
}

std::optional<store::event_write> event_create::effect(const store::command_context& record,
                                                       const json::object* output) const
{
    if (!output)
        return std::nullopt;
    auto w = write_that(store::event_write::effect::made);
    w.item_id = item_id_in(*output);
    w.start = fields_.start;
    w.end = fields_.end;
    w.command_id = record.id;
    w.may_be_overtaken = record.redelivered || record.restored || record.overtaken;
    return w;
}

} // namespace

protocol::operation_ptr read_event_create(protocol::unread_operation& from)
{
    return std::make_shared<event_create>(from);
}

} // namespace relay::commands
