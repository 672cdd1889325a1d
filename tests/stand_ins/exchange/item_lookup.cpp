#include "tests/stand_ins/exchange/item_lookup.hpp"

#include "common/text/text.hpp"

namespace relay::exchange_sim {

calendar_item& look_up_item(pugi::xml_node node, operation_context& context)
{
    if (local_name(node) != "ItemId")
        refuse_item("ErrorInvalidIdMalformed", "Only single items are kept here.");
    return look_up_item(attribute(node, "Id"), attribute(node, "ChangeKey"), context);
}

calendar_item& look_up_item(std::string_view id, std::string_view change_key, operation_context& context)
{
    if (id.empty() || !from_base64(id))
        refuse_item("ErrorInvalidIdMalformed", "Id is malformed.");
    if (!change_key.empty() && !from_base64(change_key))
        refuse_item("ErrorInvalidChangeKey", "The change key is invalid.");
    auto* item = context.store.find(id);
    // Another mailbox's item is not there for this caller, as in a store that is opened for one mailbox.
    if (!item || item->owner != context.acting)
        refuse_item("ErrorItemNotFound", "The specified object was not found in the store.");
    return *item;
}

} // namespace relay::exchange_sim
