#include "tests/stand_ins/exchange/ledger.hpp"

#include "common/text/text.hpp"
#include "tests/stand_ins/exchange/folders.hpp"

#include <unordered_set>

namespace relay::exchange_sim {

std::string_view property_named(const calendar_item& item, std::string_view name) noexcept
{
    for (const auto& property : item.properties)
        if (property.name == name && !property.values.empty())
            return property.values.front();
    return {};
}

std::string_view to_string(write_kind kind) noexcept
{
    switch (kind) {
    case write_kind::create:
        return "create";
    case write_kind::update:
        return "update";
    case write_kind::remove:
        break;
    }
    return "delete";
}

std::string_view to_string(notification_kind kind) noexcept
{
    switch (kind) {
    case notification_kind::request:
        return "request";
    case notification_kind::update:
        return "update";
    case notification_kind::cancel:
        break;
    }
    return "cancel";
}

std::string_view to_string(hand_kind kind) noexcept
{
    switch (kind) {
    case hand_kind::make:
        return "make";
    case hand_kind::edit:
        return "edit";
    case hand_kind::copy:
        return "copy";
    case hand_kind::move:
        return "move";
    case hand_kind::remove:
        return "delete";
    case hand_kind::erase:
        break;
    }
    return "erase";
}

void ledger::write(write_kind kind, const calendar_item& item, utc_time at, bool unsent)
{
    writes_.push_back({++n_, kind, item.owner->email, item.id, item.uid,
                       std::string(property_named(item, event_id_property)),
                       std::string(property_named(item, command_id_property)), at, unsent});
    on_write_(writes_.back());
}

void ledger::notify(notification_kind kind, const calendar_item& item, const std::vector<const attendee*>& to,
                    utc_time at)
{
    std::unordered_set<std::string> told;
    for (const auto* recipient : to)
        if (told.insert(ascii_lower(recipient->email)).second)
            notifications_.push_back({++n_, kind, item.owner->email, recipient->email, item.uid,
                                      std::string(property_named(item, event_id_property)),
                                      std::string(property_named(item, command_id_property)), at,
                                      item.subject, item.location, item.start_time_zone, item.start,
                                      item.end});
}

void ledger::by_hand(hand_kind action, const calendar_item& item, utc_time at, std::string copy_of)
{
    hands_.push_back({++n_, action, item.owner->email, item.id, item.change_key, item.uid,
                      std::string(property_named(item, event_id_property)), item.subject,
                      std::string(name_of(*item.owner, item.folder)), std::move(copy_of), at});
}

} // namespace relay::exchange_sim
