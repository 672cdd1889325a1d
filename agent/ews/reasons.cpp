#include "agent/ews/reasons.hpp"

#include "agent/ews/response_codes.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace relay::ews {
namespace {

bool is_one_of(const protocol::fault& f, std::initializer_list<std::string_view> codes) noexcept
{
    return std::ranges::find(codes, f.exchange) != codes.end();
}

} // namespace

bool is_from_exchange(const protocol::fault& f) noexcept
{
    return f.exchange.starts_with("Error");
}

bool is_http_status(const protocol::fault& f) noexcept
{
    return f.exchange.starts_with("HTTP ");
}

bool is_http_forbidden(const protocol::fault& f) noexcept
{
    return f.exchange == "HTTP 403";
}

bool is_item_gone(const protocol::fault& f) noexcept
{
    return f.exchange == "ErrorItemNotFound";
}

bool lacks_time_zone(const protocol::fault& f) noexcept
{
    return is_one_of(f, {"ErrorTimeZone", "ErrorCalendarInvalidTimeZone"});
}

bool proves_impersonation(const protocol::fault& f) noexcept
{
    return is_one_of(f, {"ErrorFolderNotFound", "ErrorItemNotFound", "ErrorAccessDenied",
                         "ErrorFolderCorrupt", "ErrorItemCorrupt"});
}

bool is_window_too_long(const protocol::fault& f) noexcept
{
    return f.exchange == "ErrorTimeIntervalTooBig";
}

bool has_too_many_mailboxes(const protocol::fault& f) noexcept
{
    return f.exchange == "ErrorMailboxDataArrayTooBig";
}

bool has_too_many_entries(const protocol::fault& f) noexcept
{
    return f.exchange == "ErrorResultSetTooBig";
}

bool is_lasting(const protocol::fault& f) noexcept
{
    return is_one_of(f, {"ErrorMailRecipientNotFound", "ErrorInvalidSmtpAddress", "ErrorNoFreeBusyAccess",
                         "ErrorNonExistentMailbox"});
}

bool has_too_many_subscriptions(const protocol::fault& f) noexcept
{
    return f.exchange == "ErrorExceededSubscriptionCount";
}

bool has_too_many_connections(const protocol::fault& f) noexcept
{
    return f.exchange == "ErrorExceededConnectionCount";
}

bool lost_subscription(const protocol::fault& f) noexcept
{
    return verdict_of(f.exchange) == verdict::lost_subscription;
}

bool is_unknown_request(const protocol::fault& f) noexcept
{
    const auto v = verdict_of(f.exchange);
    return v == verdict::our_mistake || v == verdict::server_too_old;
}

} // namespace relay::ews
