// Answers to CreateItem, UpdateItem and DeleteItem.
#include "agent/ews/answers.hpp"

namespace relay::ews {
namespace {

outcome<item_ref> written_item(const soap_answer& a, const call& c)
{
    const auto message = only_message(a, c);
    if (message.has_error())
        return message.error();
    const auto items = child(*message, "Items");
    for (auto node = items.first_child(); node; node = node.next_sibling())
        if (auto ref = ref_of(node); !ref.id.empty())
            return ref;
    // Seen on real servers: success with an empty list. The item is there, but has to be looked up.
    return failed_call(c, protocol::fault_code::exchange_unavailable, retry_action::retry,
                       "Exchange reported success but named no item");
}

} // namespace

outcome<item_ref> read_created(const soap_answer& a, const call& c)
{
    return written_item(a, c);
}

outcome<item_ref> read_updated(const soap_answer& a, const call& c)
{
    return written_item(a, c);
}

outcome<void> read_removed(const soap_answer& a, const call& c)
{
    const auto messages = response_messages(a, 1, c);
    if (messages.has_error())
        return messages.error();
    const auto message = messages->front();
    if (succeeded(message) || trimmed(child(message, "ResponseCode")) == "ErrorCalendarIsCancelledForRemove")
        return {};
    return classify_message(message, c);
}

} // namespace relay::ews
