// Exchange's Resource Booking Attendant: rooms answer what they are asked at once, and keep what they accepted in
// their own calendars.
#pragma once

#include "tests/stand_ins/exchange/mailbox_store.hpp"

namespace relay::exchange_sim {

// Every room among the attendees of `item`, whose invitations or updates have just gone out, accepts it, or declines
// it where it is taken at that time.
void book_rooms(calendar_item& item, mailbox_store& store, const zone_table& zones, utc_time now);

// Takes the meeting out of the calendars of rooms that are not asked any more: all of them where `still_on` is null.
void release_rooms(const calendar_item& before, const calendar_item* still_on, mailbox_store& store);

} // namespace relay::exchange_sim
