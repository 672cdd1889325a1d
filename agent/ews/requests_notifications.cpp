// Requests about subscriptions to what happens in calendars.
#include "agent/ews/requests.hpp"
#include "agent/ews/soap_request.hpp"

#include <fmt/format.h>

#include <cassert>

namespace relay::ews {

std::string write_subscribe(const mailbox_address& mailbox)
{
    soap_request request("m:Subscribe", &mailbox);
    auto streaming = add(request.operation(), "m:StreamingSubscriptionRequest");
    set(add(add(streaming, "t:FolderIds"), "t:DistinguishedFolderId"), "Id", "calendar");
    auto types = add(streaming, "t:EventTypes");
    for (const auto* type : {"CreatedEvent", "DeletedEvent", "ModifiedEvent", "MovedEvent"})
        add(types, "t:EventType", type);
    return request.str();
}

std::string write_streaming_events(const mailbox_address& anchor, std::span<const std::string> subscriptions,
                                   std::chrono::minutes length)
{
    assert(!subscriptions.empty() && subscriptions.size() <= max_stream_subscriptions);
    assert(length.count() >= 1 && length <= max_stream_length);
    soap_request request("m:GetStreamingEvents", &anchor);
    auto get = request.operation();
    auto ids = add(get, "m:SubscriptionIds");
    for (const auto& id : subscriptions)
        add(ids, "t:SubscriptionId", id);
    add(get, "m:ConnectionTimeout", fmt::format("{}", length.count()));
    return request.str();
}

std::string write_unsubscribe(const mailbox_address& anchor, std::string_view subscription)
{
    soap_request request("m:Unsubscribe", &anchor);
    add(request.operation(), "m:SubscriptionId", subscription);
    return request.str();
}

} // namespace relay::ews
