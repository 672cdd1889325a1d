// mailbox.verify: whether the agent may act for a mailbox.
#include "agent/commands/operation.hpp"
#include "agent/commands/operations.hpp"

namespace relay::commands {
namespace {

json::object output_of_mailbox_verify(const mailbox_address& mailbox, const ews::mailbox_info& info)
{
    return {{"mailbox", mailbox.str()}, {"display_name", info.display_name}};
}

class mailbox_verify final : public runnable {
public:
    explicit mailbox_verify(const protocol::unread_operation& from) : mailbox_(*from.mailbox) {}

    const mailbox_address* mailbox() const override { return &mailbox_; }
    task<ending> carry_out(command_run& run) const override;

private:
    mailbox_address mailbox_;
};

task<ending> mailbox_verify::carry_out(command_run& run) const
{
    run.about(mailbox_.key());
    for (;;) {
        if (auto over = co_await run.before_try())
            co_return *over;
        auto info = co_await run.use().exchange.open_calendar(mailbox_, run.request_limit());
        if (info.has_value()) {
            run.succeeded();
            co_return reply(output_of_mailbox_verify(mailbox_, *info));
        }
        if (auto over = co_await run.after_failure(info.error()))
            co_return *over;
    }
}

} // namespace

protocol::operation_ptr read_mailbox_verify(protocol::unread_operation& from)
{
    return std::make_shared<mailbox_verify>(from);
}

} // namespace relay::commands
