#include "tests/stand_ins/exchange/resource_booking.hpp"

#include "common/text/text.hpp"
#include "tests/stand_ins/exchange/occurrences.hpp"

#include <algorithm>

namespace relay::exchange_sim {
namespace {

calendar_item* kept_in(mailbox& room, const std::string& uid)
{
    for (const auto& [serial, item] : room.contents(folder_kind::calendar).by_arrival)
        if (item->uid == uid)
            return item;
    return nullptr;
}

bool is_taken(const mailbox& room, const calendar_item& wanted, const mailbox_store& store,
              const zone_table& zones)
{
    const auto there = occurrences_in(store, zones, room, wanted.start, wanted.end);
    return std::ranges::any_of(
        there, [&](const occurrence& o) { return o.item->uid != wanted.uid && !o.is_free(); });
}

// The meeting as the room has it: without what is the organizer's alone.
calendar_item copy_for_room(const calendar_item& item)
{
    auto copy = item;
    copy.properties.clear();
    copy.by_user = false;
    copy.kind = item_kind::single;
    copy.reminder_set = false;
    copy.busy = "Busy";
    return copy;
}

} // namespace

void book_rooms(calendar_item& item, mailbox_store& store, const zone_table& zones, utc_time now)
{
    for (auto* list : {&item.required, &item.optional, &item.resources})
        for (auto& a : *list) {
            auto* room = store.find_mailbox(a.email);
            if (room == nullptr || !room->is_room)
                continue;
            auto* kept = kept_in(*room, item.uid);
            const bool accepted = !is_taken(*room, item, store, zones);
            a.response = accepted ? "Accept" : "Decline";
            if (accepted && kept != nullptr)
                store.replace(*kept, copy_for_room(item), now);
            else if (accepted)
                store.insert(*room, folder_kind::calendar, copy_for_room(item), now);
            else if (kept != nullptr)
                store.erase(*kept);
        }
}

void release_rooms(const calendar_item& before, const calendar_item* still_on, mailbox_store& store)
{
    const auto asked = [](const calendar_item& item, const std::string& email) {
        return std::ranges::any_of(
            std::initializer_list<const std::vector<attendee>*>{&item.required, &item.optional,
                                                                &item.resources},
            [&](const auto* list) {
                return std::ranges::any_of(*list,
                                           [&](const attendee& a) { return ascii_iequals(a.email, email); });
            });
    };
    for (const auto* list : {&before.required, &before.optional, &before.resources})
        for (const auto& a : *list) {
            auto* room = store.find_mailbox(a.email);
            if (room == nullptr || !room->is_room || (still_on != nullptr && asked(*still_on, a.email)))
                continue;
            if (auto* kept = kept_in(*room, before.uid))
                store.erase(*kept);
        }
}

} // namespace relay::exchange_sim
