// The two writes that tell the agent whom to watch. Both are a step in the store alone; a repeat of either after a crash
// finds what it did before.
#include "agent/commands/operations.hpp"
#include "agent/commands/outputs.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace relay::commands {
namespace {

protocol::fault too_many()
{
    return {protocol::fault_code::overloaded,
            fmt::format("with it the agent would watch more than {} mailboxes: end other watches first",
                        store::most_watched),
            {}};
}

// How many watches of the store meet `condition`.
template <class Condition>
task<result<std::ptrdiff_t>> count(command_run& run, Condition condition)
{
    const auto all = co_await run.use().store.watches();
    if (all.has_error())
        co_return all.error();
    co_return std::ranges::count_if(*all, condition);
}

void tell_of_change(command_run& run)
{
    if (run.use().watches_changed)
        run.use().watches_changed();
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

task<ending> run_availability_unwatch(command_run& run, protocol::availability_unwatch op)
{
    // begin() is stored only where the watch was there, so one found begun knows that it existed.
    bool existed = run.ticket().begun.has_value();
    for (;;) {
        if (auto over = co_await run.before_step())
            co_return *over;
        if (!existed) {
            const auto there = co_await count(run, [&](const auto& w) { return w.watch_id == op.watch_id; });
            if (there.has_error()) {
                if (auto over = co_await run.not_stored(there.error()))
                    co_return *over;
                continue;
            }
            if (*there == 0)
                co_return reply(output_of_unwatch(false));
            const auto started = co_await run.begin();
            if (started.over)
                co_return *started.over;
            if (!started.durable)
                continue;
            existed = true;
        }
        const auto removed = co_await run.use().store.remove_watch(op.watch_id);
        if (removed.has_value()) {
            tell_of_change(run);
            co_return reply(output_of_unwatch(true));
        }
        if (auto over = co_await run.not_stored(removed.error()))
            co_return *over;
    }
}

} // namespace relay::commands
