#include "agent/store/loop/short_replies.hpp"

#include "agent/protocol/codec.hpp"
#include "agent/protocol/fields.hpp"
#include "agent/protocol/fingerprint.hpp"

#include <utility>

namespace relay::store {

using protocol::fault;

// Of a refused command nothing was checked: what is kept of it is cut to what it may be at most.
reply_address reply_address::of(const protocol::command& c, const std::string& session)
{
    reply_address to{c.id, cut_to(c.op, audit_entry::longest_op),
                     cut_to(c.mailbox, audit_entry::longest_mailbox), std::string(), session};
    if (const auto* event_id = c.params.if_contains("event_id"))
        if (const auto* text = event_id->if_string())
            if (protocol::is_id(*text, protocol::longest_event_id))
                to.event_id = *text;
    return to;
}

reply_address reply_address::of(const command_context& t)
{
    return {t.id, t.op, t.mailbox, t.event_id, t.session};
}

void short_replies::accepted(std::string_view id)
{
    out_.reply(protocol::encode_accepted(id));
}

void short_replies::refuse(const reply_address& to, fault f)
{
    if (refused_)
        refused_({.id = to.id,
                  .op = to.op,
                  .fault = f.code,
                  .admitted = false,
                  .session = to.session,
                  .mailbox = to.mailbox,
                  .event_id = to.event_id});
    out_.reply(protocol::encode(protocol::result{to.id, std::move(f), 0, 0ms}));
}

void short_replies::id_reused(const reply_address& to)
{
    if (refused_)
        refused_({.id = to.id,
                  .op = to.op,
                  .fault = {},
                  .admitted = false,
                  .how = protocol::ended_command::answer::id_reused,
                  .session = to.session,
                  .mailbox = to.mailbox,
                  .event_id = to.event_id});
    id_reused(to.id);
}

void short_replies::id_reused(const std::string& id)
{
    out_.reply(protocol::encode(
        protocol::problem{"id_reused", "a command with this id and other content came before", id}));
}

bool short_replies::known(const reply_address& to, admission found)
{
    if (std::holds_alternative<still_running>(found))
        accepted(to.id);
    else if (std::holds_alternative<reused_id>(found))
        id_reused(to);
    else if (auto* finished = std::get_if<finished_before>(&found); finished && finished->seq)
        // Not acknowledged yet: it keeps its place in the line of what is owed.
        out_.repeat(*finished->seq, std::move(finished->body));
    else if (finished)
        out_.reply(std::move(finished->body));
    else
        return false;
    return true;
}

} // namespace relay::store
