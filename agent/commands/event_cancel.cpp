// event.cancel: takes an event out of its host's calendar.
#include "agent/commands/operation.hpp"
#include "agent/commands/operations.hpp"
#include "agent/commands/write_steps.hpp"

namespace relay::commands {
namespace {

class event_cancel final : public event_operation {
public:
    explicit event_cancel(protocol::unread_operation& from)
        : event_operation(from),
          notify_(protocol::read_notify(from.params, protocol::notify_words::all_or_none))
    {
    }

    task<ending> carry_out(command_run& run) const override;
    std::optional<store::event_write> effect(const store::command_context& /*record*/,
                                             const json::object* output) const override
    {
        return output ? std::optional(write_that(store::event_write::effect::removed)) : std::nullopt;
    }

private:
    protocol::notify notify_;
};

task<ending> event_cancel::carry_out(command_run& run) const
{
    run.about(host().key());
    // begin() is stored only after a look that found the item, so a begun cancel knows that the event
    // existed.
    bool existed = run.context().begun.has_value();
    for (;;) {
        const auto found =
            co_await look_for(run, host(), event_id(), search_scope::everywhere, search_scope::certain);
        if (found.has_error())
            co_return found.error();
        // In Deleted Items is where a removal puts it; that it is nowhere may be because it is not shown yet.
        if (found->live.empty() && (found->conclusive || !found->deleted.empty())) {
            // Redelivered and in Deleted Items: whoever had the command before us is the likeliest to have
            // put it there.
            existed = existed || (run.context().redelivered && !found->deleted.empty());
            auto output = output_of_cancel(event_id(), existed);
            if (const auto unknown = not_searched(*found); unknown && !existed)
                output["warning"] = warning_of(*unknown);
            co_return applied(run, std::move(output));
        }
        existed = existed || !found->live.empty();

        auto may = co_await permission_to_apply(run, *found, deleted_items::tell_nothing);
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
        auto gone =
            co_await run.use().exchange.remove(host(), found->live.front().ref, notify_, run.write_bounds());
        if (gone.has_value()) {
            run.succeeded();
            co_return reply(output_of_cancel(event_id(), true));
        }
        if (auto over = co_await after_write(run, retry_if_moved(gone.error())))
            co_return *over;
    }
}

} // namespace

protocol::operation_ptr read_event_cancel(protocol::unread_operation& from)
{
    return std::make_shared<event_cancel>(from);
}

} // namespace relay::commands
