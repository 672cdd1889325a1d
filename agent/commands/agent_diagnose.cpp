// agent.diagnose: what the agent tells of itself. Asks nothing of Exchange.
#include "agent/commands/operation.hpp"
#include "agent/commands/operations.hpp"

namespace relay::commands {
namespace {

class agent_diagnose final : public runnable {
public:
    task<ending> carry_out(command_run& run) const override
    {
        run.count_attempt();
        co_return reply(co_await run.use().diagnose());
    }
};

} // namespace

protocol::operation_ptr read_agent_diagnose(protocol::unread_operation& /*from*/)
{
    return std::make_shared<agent_diagnose>();
}

} // namespace relay::commands
