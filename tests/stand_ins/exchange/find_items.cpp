// FindItem, GetItem and SyncFolderItems: reading items.
#include "common/time/rfc3339.hpp"
#include "tests/stand_ins/exchange/folders.hpp"
#include "tests/stand_ins/exchange/item_lookup.hpp"
#include "tests/stand_ins/exchange/item_shape.hpp"
#include "tests/stand_ins/exchange/occurrences.hpp"
#include "tests/stand_ins/exchange/page.hpp"
#include "tests/stand_ins/exchange/restriction.hpp"
#include "tests/stand_ins/exchange/times.hpp"

#include <algorithm>

namespace relay::exchange_sim {
namespace {

constexpr std::int64_t most_found_by_restriction = 250;
constexpr std::chrono::days longest_view{2 * 366};

using found_items = std::vector<calendar_item*>;

void sort(found_items& items, pugi::xml_node order, mailbox_store& store)
{
    if (!order)
        return;
    std::vector<std::pair<property_path, bool>> keys; // and whether descending
    for (const auto field : elements(order))
        keys.emplace_back(read_path_in(field, store), attribute(field, "Order") == "Descending");
    std::ranges::stable_sort(items, [&](const calendar_item* a, const calendar_item* b) {
        for (const auto& [path, descending] : keys) {
            const auto x = values_of(*a, path), y = values_of(*b, path);
            if (x != y)
                return descending ? y < x : x < y;
        }
        return false;
    });
}

found_items in_folder(const folder_ref& ref, const restriction* only, const operation_context& context)
{
    found_items found;
    const auto& contents = ref.owner->contents(ref.folder);
    if (only && only->is_look_up()) {
        for (auto* item :
             context.store.with_property(*ref.owner, only->property().extended, only->constant()))
            if (item->folder == ref.folder)
                found.push_back(item);
        // GlobalObjectId is worked out from the UID and has no index.
        if (!found.empty() || !only->property().extended_name.starts_with('#'))
            return found;
    }
    for (const auto& [serial, item] : contents.by_arrival)
        if (!only || only->holds(*item))
            found.push_back(item);
    return found;
}

void put_found(std::string& out, const found_items& items, const page& p, bool indexed,
               const item_shape& shape)
{
    const auto total = static_cast<std::int64_t>(items.size());
    const auto first = std::min(p.offset, total);
    const auto end = std::min(first + p.limit, total);
    out.append("<m:RootFolder");
    if (indexed)
        put_attribute(out, "IndexedPagingOffset", std::to_string(end));
    put_attribute(out, "TotalItemsInView", std::to_string(total));
    put_attribute(out, "IncludesLastItemInRange", end == total ? "true" : "false");
    out.append("><t:Items>");
    for (auto i = first; i < end; ++i)
        shape.put_item(out, *items[static_cast<std::size_t>(i)]);
    out.append("</t:Items></m:RootFolder>");
}

struct time_range {
    utc_time start, end;
};

time_range read_calendar_view(pugi::xml_node view, const operation_context& context)
{
    const auto& zone = context.context_zone();
    const time_range range{read_time(attribute(view, "StartDate")).in(zone),
                           read_time(attribute(view, "EndDate")).in(zone)};
    if (range.end < range.start)
        refuse_request("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate.");
    if (range.end - range.start > longest_view)
        refuse_request("ErrorCalendarViewRangeTooBig",
                       "The specified view range exceeds the maximum range of two years.");
    return range;
}

// What lies in the range, by start, each occurrence of a series as an item.
std::vector<calendar_item> in_view(const folder_ref& ref, const time_range& range,
                                   const operation_context& context)
{
    std::vector<calendar_item> listed;
    if (ref.folder != folder_kind::calendar) {
        for (const auto* item : context.store.overlapping(*ref.owner, ref.folder, range.start, range.end))
            listed.push_back(*item);
        return listed;
    }
    for (const auto& o : occurrences_in(context.store, context.zones, *ref.owner, range.start, range.end))
        listed.push_back(as_item(o));
    return listed;
}

// Says whether the rest of the request is `stopped`.
void refuse_search(folder_contents& folder, bool& stopped)
{
    if (folder.refuses.empty())
        return;
    const auto code = folder.refuses;
    stopped = folder.stops;
    if (folder.refusals_left > 0 && --folder.refusals_left == 0)
        folder.refuses.clear();
    refuse_item(code, "The folder cannot be searched.");
}

} // namespace

std::string find_item(operation_context& context)
{
    const auto request = context.request.operation;
    if (const auto traversal = attribute(request, "Traversal");
        traversal != "Shallow" && traversal != "SoftDeleted" && traversal != "Associated")
        refuse_schema("Traversal is missing or has an unknown value.");
    const item_shape shape(child(request, "ItemShape"), context.store, answered_by::find_item,
                           context.habits);
    const auto view = child(request, "CalendarView");
    const auto condition = child(request, "Restriction");
    const auto order = child(request, "SortOrder");
    if (view && (condition || order))
        refuse_request("ErrorInvalidRequest",
                       "Restrictions and sort order may not be specified for a CalendarView.");
    std::optional<restriction> only;
    if (condition)
        only.emplace(first_element(condition), context.store);
    const auto p = view ? page{0, number_attribute(view, "MaxEntriesReturned", most_found, 1)}
                        : read_page(child(request, "IndexedPageItemView"),
                                    only ? most_found_by_restriction : most_found);
    std::optional<time_range> range;
    if (view)
        range = read_calendar_view(view, context);

    answer_writer answer(context.server, "FindItem");
    bool stopped = false;
    for (const auto node : elements(child(request, "ParentFolderIds")))
        answer.message([&](std::string& out) {
            if (stopped)
                refuse_item("ErrorBatchProcessingStopped", "Batch processing was stopped.");
            const auto ref = resolve_folder(node, context);
            refuse_search(ref.owner->contents(ref.folder), stopped);
            auto listed = range ? in_view(ref, *range, context) : std::vector<calendar_item>{};
            auto found = range ? found_items{} : in_folder(ref, only ? &*only : nullptr, context);
            for (auto& item : listed)
                found.push_back(&item);
            if (attribute(request, "Traversal") != "Shallow")
                found.clear();
            std::erase_if(found,
                          [&](const auto* item) { return item->created + context.unseen > context.now; });
            sort(found, order, context.store);
            put_found(out, found, p, !view, shape);
        });
    return std::move(answer).finish();
}

std::string get_item(operation_context& context)
{
    const auto request = context.request.operation;
    const item_shape shape(child(request, "ItemShape"), context.store, answered_by::get_item, context.habits);
    answer_writer answer(context.server, "GetItem", "<m:Items/>");
    for (const auto node : elements(child(request, "ItemIds")))
        answer.message([&](std::string& out) {
            const auto& item = look_up_item(node, context);
            out.append("<m:Items>");
            shape.put_item(out, item);
            out.append("</m:Items>");
        });
    return std::move(answer).finish();
}

// The state is the last arrival seen: enough for a folder's first listing and for what came later.
std::string sync_folder_items(operation_context& context)
{
    const auto request = context.request.operation;
    const item_shape shape(child(request, "ItemShape"), context.store, answered_by::find_item);
    const auto limit = parse_integer(child_text(request, "MaxChangesReturned"));
    if (!limit || *limit < 1 || *limit > 512)
        refuse_schema("MaxChangesReturned has no valid value.");
    answer_writer answer(context.server, "SyncFolderItems");
    answer.message([&](std::string& out) {
        const auto state = child_text(request, "SyncState");
        const auto seen = parse_integer(state);
        if (!state.empty() && (!seen || *seen < 0))
            refuse_item("ErrorInvalidSyncStateData",
                        "Synchronization state data is corrupt or otherwise invalid.");
        const auto ref = resolve_folder(first_element(child(request, "SyncFolderId")), context);
        const auto& items = ref.owner->contents(ref.folder).by_arrival;
        auto at = items.upper_bound(static_cast<std::uint64_t>(seen.value_or(0)));
        std::string changes;
        auto last = static_cast<std::uint64_t>(seen.value_or(0));
        for (std::int64_t n = 0; at != items.end() && n < *limit; ++at, ++n) {
            changes.append("<t:Create>");
            shape.put_item(changes, *at->second);
            changes.append("</t:Create>");
            last = at->first;
        }
        out.append("<m:SyncState>")
            .append(std::to_string(last))
            .append("</m:SyncState><m:IncludesLastItemInRange>");
        out.append(at == items.end() ? "true" : "false").append("</m:IncludesLastItemInRange><m:Changes>");
        out.append(changes).append("</m:Changes>");
    });
    return std::move(answer).finish();
}

} // namespace relay::exchange_sim
