#include "agent/commands/operation.hpp"

namespace relay::commands {

event_operation::event_operation(protocol::unread_operation& from)
    : host_(*from.mailbox),
      event_id_(from.params.needed("event_id", protocol::read_event_id))
{
}

store::event_write event_operation::write_that(store::event_write::effect what) const
{
    store::event_write w;
    w.what = what;
    w.key = host_.key();
    w.mailbox = host_.str();
    return w;
}

// Empty if the item was deleted since: then it is not to be had by its id, and who follows it looks for it.
std::string event_operation::item_id_in(const json::object& output)
{
    if (output.contains("deleted"))
        return {};
    const auto* id = output.if_contains("item_id");
    return id && id->is_string() ? std::string(id->get_string()) : std::string();
}

} // namespace relay::commands
