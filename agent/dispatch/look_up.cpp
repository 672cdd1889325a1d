#include "agent/dispatch/look_up.hpp"

namespace relay::dispatch {

const ews::found_item* marked_items::changed_by(const std::string& id) const
{
    for (const auto* items : {&live, &deleted})
        for (const auto& item : *items)
            if (item.command_id == id)
                return &item;
    return nullptr;
}

task<ews::outcome<marked_items>> look_up(command_run& run, const mailbox_address& mailbox, const std::string& event_id)
{
    auto found = co_await run.use().exchange.find(mailbox, event_id, run.request_limit());
    if (found.has_error())
        co_return found.error();
    run.succeeded();
    marked_items items;
    for (auto& item : *found)
        (item.where == ews::whereabouts::live ? items.live : items.deleted).push_back(std::move(item));
    co_return items;
}

ews::error retry_if_moved(ews::error e)
{
    if (e.fault.exchange == "ErrorItemNotFound")
        e.remedy = ews::remedy::retry;
    return e;
}

protocol::fault event_not_found()
{
    return {protocol::fault_code::event_not_found, "no item in the calendar carries this event_id", {}};
}

protocol::fault copied_by_hand()
{
    return {protocol::fault_code::conflict,
            "several items in the calendar carry this event_id: somebody copied the meeting; delete the copies in Outlook", {}};
}

} // namespace relay::dispatch
