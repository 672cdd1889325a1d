// Subscribe, GetStreamingEvents and Unsubscribe, for streaming notifications.
#include "tests/stand_ins/exchange/folders.hpp"
#include "tests/stand_ins/exchange/operations.hpp"
#include "tests/stand_ins/exchange/subscriptions.hpp"

#include <algorithm>
#include <array>

namespace relay::exchange_sim {
namespace {

constexpr int longest_stream = 30; // minutes; the schema's own limit

constexpr std::array<std::string_view, 7> event_types{"CopiedEvent",         "CreatedEvent", "DeletedEvent",
                                                      "ModifiedEvent",       "MovedEvent",   "NewMailEvent",
                                                      "FreeBusyChangedEvent"};

subscription read_wanted(pugi::xml_node request, operation_context& context)
{
    subscription wanted;
    wanted.of = context.acting;
    for (const auto node : elements(child(request, "FolderIds"))) {
        const auto ref = resolve_folder(node, context);
        wanted.of = ref.owner;
        wanted.folders.push_back(ref.folder);
    }
    const bool all = parse_boolean(attribute(request, "SubscribeToAllFolders")).value_or(false);
    if (all != wanted.folders.empty())
        refuse_request("ErrorInvalidSubscriptionRequest",
                       "The subscription names folders or all folders, one of the two.");
    if (!wanted.of)
        refuse_item("ErrorMissingEmailAddress", "The account has no mailbox.");
    for (const auto node : elements(child(request, "EventTypes"))) {
        const auto type = text_of(node);
        if (std::ranges::find(event_types, type) == event_types.end())
            refuse_schema("The element 'EventType' has an unknown value.");
        wanted.event_types.emplace(type);
    }
    return wanted;
}

} // namespace

std::string subscribe(operation_context& context)
{
    auto& notify = *context.notify;
    const auto request = child(context.request.operation, "StreamingSubscriptionRequest");
    if (!request)
        refuse_request("ErrorInvalidOperation", "The stand-in has streaming subscriptions only.");
    answer_writer answer(context.server, "Subscribe");
    answer.message([&](std::string& out) {
        auto wanted = read_wanted(request, context);
        const auto back_end = notify.desk.route(notify.wish, context.acting);
        wanted.back_end =
            back_end.value_or(wanted.of->number % std::max<std::size_t>(1, notify.desk.rules.back_ends));
        if (notify.wish.preferred)
            notify.set_cookie = subscription_desk::cookie_of(wanted.back_end);
        out.append("<m:SubscriptionId>");
        escape_to(out, notify.desk.subscribe(std::move(wanted)));
        out.append("</m:SubscriptionId>");
    });
    return std::move(answer).finish();
}

std::string unsubscribe(operation_context& context)
{
    auto& notify = *context.notify;
    answer_writer answer(context.server, "Unsubscribe");
    answer.message([&](std::string&) {
        notify.desk.unsubscribe(std::string(child_text(context.request.operation, "SubscriptionId")),
                                notify.reached(context.acting));
    });
    return std::move(answer).finish();
}

std::string get_streaming_events(operation_context& context)
{
    auto& notify = *context.notify;
    const auto request = context.request.operation;
    const auto minutes = parse_integer(child_text(request, "ConnectionTimeout"));
    if (!minutes || *minutes < 1 || *minutes > longest_stream)
        refuse_schema("The element 'ConnectionTimeout' has no valid value.");
    std::vector<std::string> ids;
    for (const auto node : elements(child(request, "SubscriptionIds")))
        ids.emplace_back(text_of(node));
    if (ids.size() > most_ids_of_a_stream)
        refuse_request("ErrorInvalidArgument", "The request names more than 200 subscriptions.");
    std::string refused;
    notify.live = notify.desk.open(ids, static_cast<int>(*minutes), context.acting,
                                   notify.reached(context.acting), refused);
    return refused;
}

// Without the cookie the front end picks a server of its own, and that is never the one that has them.
std::optional<std::size_t> notification_context::reached(const mailbox* acting) const
{
    if (!wish.preferred || wish.cookie.empty())
        return std::nullopt;
    return desk.route(wish, acting);
}

} // namespace relay::exchange_sim
