#include "agent/commands/event_effect.hpp"

namespace relay::commands {
namespace {

using effect = store::event_write::effect;

// Empty where the item was deleted since: then it is not to be had by its id, and who follows it looks for it.
std::string item_id_in(const json::object& output)
{
    if (output.contains("deleted"))
        return {};
    const auto* id = output.if_contains("item_id");
    return id && id->is_string() ? std::string(id->get_string()) : std::string();
}

store::event_write write_to(const mailbox_address& mailbox, effect what)
{
    store::event_write w;
    w.what = what;
    w.key = mailbox.key();
    w.mailbox = mailbox.str();
    return w;
}

} // namespace

std::optional<store::event_write> effect_of(const store::ticket& t, const reply& end)
{
    if (t.operation.has_error())
        return std::nullopt;
    const auto* output = end.has_value() ? &*end : nullptr;
    if (const auto* create = std::get_if<protocol::event_create>(&*t.operation); create && output) {
        auto w = write_to(create->mailbox, effect::made);
        w.item_id = item_id_in(*output);
        w.start = create->fields.start;
        w.end = create->fields.end;
        w.command_id = t.id;
        w.may_be_overtaken = t.redelivered || t.restored || t.overtaken;
        return w;
    }
    if (const auto* update = std::get_if<protocol::event_update>(&*t.operation)) {
        if (!output) { // one of two requests may have been carried out
            const bool maybe = t.sent || (t.restored && t.attempts > 0);
            return maybe ? std::optional(write_to(update->mailbox, effect::doubtful)) : std::nullopt;
        }
        const bool lives_on = t.overtaken && !output->contains("deleted");
        if (lives_on) // as others left it
            return write_to(update->mailbox, effect::doubtful);
        auto w = write_to(update->mailbox, effect::changed);
        w.item_id = item_id_in(*output);
        w.command_id = t.id;
        w.start = update->set.start;
        w.end = update->set.end;
        return w;
    }
    if (const auto* cancel = std::get_if<protocol::event_cancel>(&*t.operation); cancel && output)
        return write_to(cancel->mailbox, effect::removed);
    return std::nullopt;
}

} // namespace relay::commands
