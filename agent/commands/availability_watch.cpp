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

} // namespace

task<ending> run_availability_watch(command_run& run, protocol::availability_watch op)
{
    const store::new_watch wanted{op.watch_id, run.ticket().id, {op.horizon, op.interval}, op.mailboxes};
    for (;;) {
        // A life before this one may have stored it: then that is the answer, whatever the time is by now.
        if (run.ticket().restored) {
            const auto done =
                co_await count(run, [&](const auto& w) { return w.command_id == wanted.command_id; });
            if (done.has_error()) {
                if (auto over = co_await run.not_stored(done.error()))
                    co_return *over;
                continue;
            }
            if (*done > 0)
                co_return reply(output_of_watch(op));
        }
        if (auto over = co_await run.before_step())
            co_return *over;
        const auto put = co_await run.use().store.put_watch(wanted);
        if (put.has_value()) {
            if (*put == store::watch_put::full)
                co_return reply(too_many());
            tell_of_change(run);
            co_return reply(output_of_watch(op));
        }
        if (auto over = co_await run.not_stored(put.error()))
            co_return *over;
    }
}

} // namespace relay::commands
