#include "agent/commands/operations.hpp"

namespace relay::commands {
namespace {

json::object output_of_mailbox_verify(const mailbox_address& mailbox, const ews::mailbox_info& info)
{
    return {{"mailbox", mailbox.str()}, {"display_name", info.display_name}};
}

} // namespace

task<ending> run_mailbox_verify(command_run& run, protocol::mailbox_verify op)
{
    run.about(op.mailbox.key());
    for (;;) {
        if (auto over = co_await run.before_try())
            co_return *over;
        auto info = co_await run.use().exchange.open_calendar(op.mailbox, run.request_limit());
        if (info.has_value()) {
            run.succeeded();
            co_return reply(output_of_mailbox_verify(op.mailbox, *info));
        }
        if (auto over = co_await run.after_failure(info.error()))
            co_return *over;
    }
}

} // namespace relay::commands
