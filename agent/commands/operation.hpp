// An operation as this module carries it out. To add one: CONTRIBUTING.md, "An operation".
#pragma once

#include "agent/commands/command_run.hpp"
#include "agent/protocol/operation.hpp"

#include <optional>

namespace relay::commands {

class runnable : public protocol::operation {
public:
    // How the command ended; suspended if a shutdown interrupted it. The run's record holds the operation, so that it outlives
    // the coroutine.
    virtual task<ending> carry_out(command_run& run) const = 0;

    // What the end of the write means for the item of its event, as the store keeps it beside the result: nothing if it
    // concerned none, or failed and had changed nothing. `output`: null if it failed.
    virtual std::optional<store::event_write> effect(const store::command_context& /*record*/,
                                                     const json::object* /*output*/) const
    {
        return std::nullopt;
    }
};

// An operation on one event of a host's mailbox.
class event_operation : public runnable {
public:
    const mailbox_address* mailbox() const final { return &host_; }
    const std::string& event_id() const final { return event_id_; }
    const mailbox_address& host() const noexcept { return host_; }

protected:
    explicit event_operation(protocol::unread_operation& from);

    // An effect on the event's item; `output` of a write that succeeded.
    store::event_write write_that(store::event_write::effect what) const;
    static std::string item_id_in(const json::object& output);

private:
    mailbox_address host_;
    std::string event_id_;
};

} // namespace relay::commands
