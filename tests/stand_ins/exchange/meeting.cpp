#include "tests/stand_ins/exchange/meeting.hpp"

#include "common/text/text.hpp"

#include <algorithm>

namespace relay::exchange_sim {
namespace {

using recipients = std::vector<const attendee*>;

recipients everybody(const calendar_item& item)
{
    recipients all;
    for (const auto* list : {&item.required, &item.optional, &item.resources})
        for (const auto& a : *list)
            all.push_back(&a);
    return all;
}

recipients without(const recipients& all, const recipients& others)
{
    recipients rest;
    for (const auto* a : all)
        if (std::ranges::none_of(others,
                                 [&](const attendee* o) { return ascii_iequals(a->email, o->email); }))
            rest.push_back(a);
    return rest;
}

// Whatever the attendees would see changed, beside who else is asked.
bool concerns_everybody(const calendar_item& before, const calendar_item& item)
{
    return before.start != item.start || before.end != item.end || before.all_day != item.all_day ||
           before.subject != item.subject || before.location != item.location ||
           before.body.content != item.body.content || before.start_time_zone != item.start_time_zone ||
           before.end_time_zone != item.end_time_zone;
}

void forget_answers(calendar_item& item)
{
    for (auto* list : {&item.required, &item.optional, &item.resources})
        for (auto& a : *list)
            a.response = "Unknown";
}

void tell(const calendar_item& before, calendar_item& item, const recipients& to, ledger& book, utc_time now)
{
    if (before.invited)
        book.notify(notification_kind::cancel, before, without(everybody(before), everybody(item)), now);
    book.notify(before.invited ? notification_kind::update : notification_kind::request, item, to, now);
    item.invited = before.invited || !to.empty();
    item.sequence = before.sequence + (before.invited ? 1 : 0);
}

} // namespace

void send_invitations_to_all(calendar_item& item, ledger& book, utc_time now)
{
    book.notify(notification_kind::request, item, everybody(item), now);
    item.invited = item.is_meeting();
}

void send_updates_to_all(const calendar_item& before, calendar_item& item, ledger& book, utc_time now)
{
    if (before.start != item.start || before.end != item.end)
        forget_answers(item);
    tell(before, item, everybody(item), book, now);
}

void send_updates_to_changed(const calendar_item& before, calendar_item& item, ledger& book, utc_time now)
{
    if (concerns_everybody(before, item))
        return send_updates_to_all(before, item, book, now);
    tell(before, item, without(everybody(item), everybody(before)), book, now);
}

void cancel_meeting(calendar_item& item, ledger& book, utc_time now)
{
    if (!item.invited || item.cancelled)
        return;
    book.notify(notification_kind::cancel, item, everybody(item), now);
    item.cancelled = true;
}

} // namespace relay::exchange_sim
