// What lies in a calendar at a time: single items, and the occurrences of series with what was moved, changed and
// deleted.
#pragma once

#include "tests/stand_ins/exchange/mailbox_store.hpp"
#include "tests/stand_ins/exchange/zones.hpp"

namespace relay::exchange_sim {

struct occurrence {
    utc_time start{}, end{};
    const calendar_item* item = nullptr;        // the single item or the series
    const changed_occurrence* change = nullptr; // of a series, where this one was changed

    bool is_free() const noexcept { return item->cancelled || busy() == "Free"; }
    std::string_view busy() const noexcept { return change && change->busy ? *change->busy : item->busy; }
    std::string_view subject() const noexcept
    {
        return change && change->subject ? *change->subject : item->subject;
    }
    std::string_view location() const noexcept
    {
        return change && change->location ? *change->location : item->location;
    }
};

// Those that overlap [start, end), by start. A view until the next change of the mailbox.
std::vector<occurrence> occurrences_in(const mailbox_store& store, const zone_table& zones,
                                       const mailbox& owner, utc_time start, utc_time end);

// The occurrence as an item of its own, as CalendarView lists it.
calendar_item as_item(const occurrence& o);

} // namespace relay::exchange_sim
