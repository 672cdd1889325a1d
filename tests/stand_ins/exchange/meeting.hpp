// Who hears of a meeting: invitations, updates and cancellations, as they go into the ledger.
#pragma once

#include "tests/stand_ins/exchange/ledger.hpp"

namespace relay::exchange_sim {

// A request to everybody; the item counts as invited from then on. Nothing for an item without attendees.
void send_invitations_to_all(calendar_item& item, ledger& book, utc_time now);

// Everybody gets an update (a request where they were never invited), those who are no longer asked a
// cancellation. Where the times moved, earlier answers are void.
void send_updates_to_all(const calendar_item& before, calendar_item& item, ledger& book, utc_time now);

// Where nothing but the attendees changed, only those who are new get an update, and those who are no longer asked a
// cancellation. Any other change concerns everybody, as it does to Exchange (ews-managed-api issue 20).
void send_updates_to_changed(const calendar_item& before, calendar_item& item, ledger& book, utc_time now);

// Cancels where there is something to cancel: a meeting whose invitations had gone out.
void cancel_meeting(calendar_item& item, ledger& book, utc_time now);

} // namespace relay::exchange_sim
