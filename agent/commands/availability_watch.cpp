// availability.watch: keeps the cloud told of how busy mailboxes are.
#include "agent/commands/operation.hpp"
#include "agent/commands/operations.hpp"
#include "agent/commands/watch_steps.hpp"

#include <fmt/format.h>

namespace relay::commands {
namespace {

protocol::fault too_many()
{
    return {protocol::fault_code::overloaded,
            fmt::format("with it the agent would watch more than {} mailboxes: end other watches first",
                        store::most_watched),
            {}};
}

json::object output_of_watch(const protocol::availability_watch& op)
{
    return {{"watch_id", op.watch_id}, {"mailboxes", op.mailboxes.size()}};
}

class availability_watch final : public runnable {
public:
    explicit availability_watch(protocol::unread_operation& from);

    std::string ordering_key() const override { return watch_key(watch_.watch_id); }
    const protocol::availability_watch* new_watch() const override { return &watch_; }
    task<ending> carry_out(command_run& run) const override;

private:
    protocol::availability_watch watch_;
};

availability_watch::availability_watch(protocol::unread_operation& from)
{
    auto& params = from.params;
    watch_.watch_id = params.needed("watch_id", protocol::read_event_id);
    watch_.mailboxes = params.needed("mailboxes", protocol::read_watched_mailboxes);
    watch_.horizon = params.optional("horizon_days", protocol::read_horizon).value_or(watch_.horizon);
    watch_.interval = params.optional("interval_s", protocol::read_interval).value_or(watch_.interval);
}

task<ending> availability_watch::carry_out(command_run& run) const
{
    const store::new_watch wanted{
        watch_.watch_id, run.context().id, {watch_.horizon, watch_.interval}, watch_.mailboxes};
    for (;;) {
        // A life before this one may have stored it: then that is the answer, whatever the time is by now.
        if (run.context().restored) {
            const auto done =
                co_await count(run, [&](const auto& w) { return w.command_id == wanted.command_id; });
            if (done.has_error()) {
                if (auto over = co_await run.not_stored(done.error()))
                    co_return *over;
                continue;
            }
            if (*done > 0)
                co_return reply(output_of_watch(watch_));
        }
        if (auto over = co_await run.before_step())
            co_return *over;
        const auto put = co_await run.use().store.put_watch(wanted);
        if (put.has_value()) {
            if (*put == store::watch_put::full)
                co_return reply(too_many());
            tell_of_change(run);
            co_return reply(output_of_watch(watch_));
        }
        if (auto over = co_await run.not_stored(put.error()))
            co_return *over;
    }
}

} // namespace

protocol::operation_ptr read_availability_watch(protocol::unread_operation& from)
{
    return std::make_shared<availability_watch>(from);
}

} // namespace relay::commands
