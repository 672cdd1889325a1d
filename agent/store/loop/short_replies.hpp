// What the inbox answers by itself, without Exchange: refusals, and what is due for an id that the store knows.
#pragma once

#include "agent/protocol/ended_command.hpp"
#include "agent/store/loop/command_context.hpp"
#include "agent/store/loop/outbox.hpp"

#include <string>
#include <string_view>

namespace relay::store {

// What is left of a command that is not carried out: whom to answer, and what to note of it.
struct reply_address {
    std::string id, op, mailbox, event_id, session;

    static reply_address of(const protocol::command& c, const std::string& session);
    static reply_address of(const command_context& t);
};

// Loop thread only.
class short_replies {
public:
    explicit short_replies(outbox& out) : out_(out) {}

    // Told of each command that is refused; at most one listener.
    void on_refused(protocol::ended_listener listener) { refused_ = std::move(listener); }

    void accepted(std::string_view id);
    void refuse(const reply_address& to, protocol::fault f);
    // The problem id_reused, noted as a refusal. Without an address only told: the command is noted elsewhere.
    void id_reused(const reply_address& to);
    void id_reused(const std::string& id);
    // What is due for an id that the store knows; false where it does not.
    bool known(const reply_address& to, admission found);

private:
    outbox& out_;
    protocol::ended_listener refused_;
};

} // namespace relay::store
