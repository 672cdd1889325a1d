#include "tests/stand_ins/exchange/occurrences.hpp"

#include <algorithm>

namespace relay::exchange_sim {
namespace {

using namespace std::chrono;

bool overlaps(utc_time from, utc_time to, utc_time start, utc_time end)
{
    return from < end && (to > start || (from == to && from >= start));
}

const zone_rule& zone_of(const std::string& id, const zone_table& zones)
{
    static const zone_rule utc;
    const auto* zone = zones.find(id);
    return zone ? *zone : utc;
}

// The occurrences of a series keep its wall clock, at both ends: over a change of clocks one is longer or shorter,
// and one that lies in the hour that is left out has no length.
void add_series(std::vector<occurrence>& found, const calendar_item& item, const zone_table& zones,
                utc_time start, utc_time end)
{
    const auto& from_zone = zone_of(item.start_time_zone, zones);
    const auto& to_zone = item.end_time_zone.empty() ? from_zone : zone_of(item.end_time_zone, zones);
    const auto first = from_zone.to_local(item.start);
    const auto starts_at = first - floor<days>(first);
    const auto ends_at = to_zone.to_local(item.end) - floor<days>(first);
    const auto& made = *item.repeats;
    for (const auto date : dates_of(made.pattern, floor<days>(from_zone.to_local(end)) + days{1})) {
        const auto by_date = [&](const changed_occurrence& c) { return c.date == date; };
        if (made.deleted.contains(date) || std::ranges::any_of(made.changed, by_date))
            continue;
        const auto from = from_zone.to_utc(date + starts_at);
        const occurrence o{from, std::max(from, to_zone.to_utc(date + ends_at)), &item};
        if (overlaps(o.start, o.end, start, end))
            found.push_back(o);
    }
    for (const auto& change : made.changed)
        if (overlaps(change.start, change.end, start, end))
            found.push_back({change.start, change.end, &item, &change});
}

} // namespace

std::vector<occurrence> occurrences_in(const mailbox_store& store, const zone_table& zones,
                                       const mailbox& owner, utc_time start, utc_time end)
{
    std::vector<occurrence> found;
    for (const auto* item : store.overlapping(owner, folder_kind::calendar, start, end))
        found.push_back({item->start, item->end, item});
    for (const auto& [serial, item] : owner.contents(folder_kind::calendar).series)
        add_series(found, *item, zones, start, end);
    std::ranges::stable_sort(found, {}, &occurrence::start);
    return found;
}

calendar_item as_item(const occurrence& o)
{
    auto item = *o.item;
    item.start = o.start;
    item.end = o.end;
    item.subject = o.subject();
    item.location = o.location();
    item.busy = o.busy();
    if (item.repeats) {
        item.kind = o.change ? item_kind::exception : item_kind::occurrence;
        item.repeats.reset();
    }
    return item;
}

} // namespace relay::exchange_sim
