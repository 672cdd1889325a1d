// connection.test: whether Exchange answers, and as whom it knows the agent.
#include "agent/commands/operation.hpp"
#include "agent/commands/operations.hpp"

namespace relay::commands {
namespace {

json::object output_of_connection_test(const ews::server_info& server, milliseconds latency)
{
    return {{"server", {{"version", server.version}, {"product", server.product}}},
            {"account", {{"name", server.account_name}, {"email", server.account_email}}},
            {"latency_ms", latency.count()}};
}

class connection_test final : public runnable {
public:
    task<ending> carry_out(command_run& run) const override;
};

task<ending> connection_test::carry_out(command_run& run) const
{
    for (;;) {
        if (auto over = co_await run.before_try())
            co_return *over;
        const auto sent = run.use().time.now();
        auto info = co_await run.use().exchange.resolve_account(run.request_limit());
        if (info.has_value()) {
            run.succeeded();
            const auto took = std::chrono::round<milliseconds>(run.use().time.now() - sent);
            co_return reply(output_of_connection_test(*info, took));
        }
        if (auto over = co_await run.after_failure(info.error()))
            co_return *over;
    }
}

} // namespace

protocol::operation_ptr read_connection_test(protocol::unread_operation& /*from*/)
{
    return std::make_shared<connection_test>();
}

} // namespace relay::commands
