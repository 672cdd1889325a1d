// availability.unwatch: ends a watch.
#include "agent/commands/operation.hpp"
#include "agent/commands/operations.hpp"
#include "agent/commands/watch_steps.hpp"

namespace relay::commands {
namespace {

json::object output_of_unwatch(bool existed)
{
    return {{"existed", existed}};
}

class availability_unwatch final : public runnable {
public:
    explicit availability_unwatch(protocol::unread_operation& from)
        : watch_id_(from.params.needed("watch_id", protocol::read_event_id))
    {
    }

    std::string ordering_key() const override { return watch_key(watch_id_); }
    task<ending> carry_out(command_run& run) const override;

private:
    std::string watch_id_;
};

task<ending> availability_unwatch::carry_out(command_run& run) const
{
    // begin() is stored only where the watch was there, so one found begun knows that it existed.
    bool existed = run.context().begun.has_value();
    for (;;) {
        if (auto over = co_await run.before_step())
            co_return *over;
        if (!existed) {
            const auto there = co_await count(run, [&](const auto& w) { return w.watch_id == watch_id_; });
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
        const auto removed = co_await run.use().store.remove_watch(watch_id_);
        if (removed.has_value()) {
            tell_of_change(run);
            co_return reply(output_of_unwatch(true));
        }
        if (auto over = co_await run.not_stored(removed.error()))
            co_return *over;
    }
}

} // namespace

protocol::operation_ptr read_availability_unwatch(protocol::unread_operation& from)
{
    return std::make_shared<availability_unwatch>(from);
}

} // namespace relay::commands
