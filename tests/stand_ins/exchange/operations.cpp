#include "tests/stand_ins/exchange/operations.hpp"

#include "tests/stand_ins/exchange/operation_names.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace relay::exchange_sim {
namespace {

constexpr std::array<std::pair<std::string_view, operation>, 17> operations{{
    {"ResolveNames", resolve_names},
    {"GetServerTimeZones", get_server_time_zones},
    {"ConvertId", convert_id},
    {"GetFolder", get_folder},
    {"FindFolder", find_folder},
    {"FindItem", find_item},
    {"GetItem", get_item},
    {"SyncFolderItems", sync_folder_items},
    {"CreateItem", create_item},
    {"UpdateItem", update_item},
    {"DeleteItem", delete_item},
    {"MoveItem", move_item},
    {"CopyItem", copy_item},
    {"GetUserAvailability", get_user_availability},
    {"Subscribe", subscribe},
    {"Unsubscribe", unsubscribe},
    {"GetStreamingEvents", get_streaming_events},
}};

// The element whose children are the things an operation is asked about, one response message each.
std::string_view list_of(std::string_view operation)
{
    if (operation == "CreateItem")
        return "Items";
    if (operation == "UpdateItem")
        return "ItemChanges";
    if (operation == "ConvertId")
        return "SourceIds";
    if (operation == "GetFolder")
        return "FolderIds";
    if (operation == "FindItem" || operation == "FindFolder")
        return "ParentFolderIds";
    if (operation == "GetItem" || operation == "DeleteItem" || operation == "MoveItem" ||
        operation == "CopyItem")
        return "ItemIds";
    return {};
}

std::string_view empty_result(std::string_view operation)
{
    if (operation == "CreateItem" || operation == "UpdateItem" || operation == "GetItem" ||
        operation == "MoveItem" || operation == "CopyItem")
        return "<m:Items/>";
    return operation == "GetFolder" ? "<m:Folders/>" : "";
}

} // namespace

const zone_rule& operation_context::context_zone() const
{
    static const zone_rule utc;
    if (request.context_zone.empty())
        return utc;
    if (const auto* zone = zones.find(request.context_zone))
        return *zone;
    refuse_request("ErrorTimeZone", "The time zone " + request.context_zone + " is not known.");
}

operation find_operation(std::string_view name) noexcept
{
    const auto found = std::ranges::find(operations, name, [](const auto& entry) { return entry.first; });
    return found == operations.end() ? nullptr : found->second;
}

std::vector<std::string_view> operation_names()
{
    std::vector<std::string_view> names;
    for (const auto& [name, work] : operations)
        names.push_back(name);
    return names;
}

std::string all_failed(const operation_context& context, const refusal& r)
{
    const auto& request = context.request;
    const auto list = list_of(request.name);
    const auto count =
        list.empty() ? 1 : std::max<std::size_t>(1, count_elements(child(request.operation, list)));
    answer_writer answer(context.server, request.name, empty_result(request.name));
    for (std::size_t i = 0; i < count; ++i)
        answer.error(r);
    return std::move(answer).finish();
}

} // namespace relay::exchange_sim
