#include "agent/commands/operations.hpp"

namespace relay::commands {
namespace {

json::object output_of_connection_test(const ews::server_info& server, milliseconds latency)
{
    return {{"server", {{"version", server.version}, {"product", server.product}}},
            {"account", {{"name", server.account_name}, {"email", server.account_email}}},
            {"latency_ms", latency.count()}};
}

} // namespace

task<ending> run_connection_test(command_run& run)
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

} // namespace relay::commands
