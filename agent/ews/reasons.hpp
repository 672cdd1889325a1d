// What a failure says beyond its fault code, for those above this module who act on it: no ResponseCode is spelt elsewhere.
// Pure functions.
#pragma once

#include "agent/protocol/fault.hpp"

namespace relay::ews {

// ---- who answered ----
// A ResponseCode: Exchange itself.
bool is_from_exchange(const protocol::fault& f) noexcept;
// A status of the web server, or of a proxy before it.
bool is_http_status(const protocol::fault& f) noexcept;
// 403: the account may not use EWS at all.
bool is_http_forbidden(const protocol::fault& f) noexcept;

// ---- items ----
// Not where it was: it moved to another folder, or was deleted.
bool is_item_gone(const protocol::fault& f) noexcept;
// The server has no zone of the name that was sent.
bool lacks_time_zone(const protocol::fault& f) noexcept;
// Said only once Exchange has let the account act for the mailbox. Any other code, and one that nobody has heard of, says
// nothing of that: the mailbox may not even exist.
bool proves_impersonation(const protocol::fault& f) noexcept;

// ---- free/busy ----
bool is_window_too_long(const protocol::fault& f) noexcept;
bool has_too_many_mailboxes(const protocol::fault& f) noexcept;
// One mailbox has more entries in the window than Exchange lists.
bool has_too_many_entries(const protocol::fault& f) noexcept;
// Says the same of a mailbox whoever else is asked about, and however long the window is.
bool is_lasting(const protocol::fault& f) noexcept;

// ---- notifications ----
// Each further subscription would get the same.
bool has_too_many_subscriptions(const protocol::fault& f) noexcept;
bool has_too_many_connections(const protocol::fault& f) noexcept;
// The server no longer knows the subscription.
bool lost_subscription(const protocol::fault& f) noexcept;
// The server does not know the request, or takes none of its kind: the next one fares no better.
bool is_unknown_request(const protocol::fault& f) noexcept;

} // namespace relay::ews
