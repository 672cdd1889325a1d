// CreateItem and DeleteItem.
#include "agent/ews/calendar_item.hpp"
#include "agent/ews/requests.hpp"

namespace relay::ews {
namespace {

bool asks_somebody(const item_fields& f)
{
    return f.attendees && !f.attendees->empty();
}

const char* invitations(protocol::notify n)
{
    return n == protocol::notify::none ? "SendToNone"
                                       : "SendToAllAndSaveCopy"; // a new item has changed for everybody
}

template <class T>
const T* value_of(const protocol::change<T>& change)
{
    return change && *change ? &**change : nullptr;
}

void add_properties(pugi::xml_node item, const item_fields& f, const marks& m, std::string_view uid)
{
    add_property(item, property::event_id, m.event_id);
    add_property(item, property::command_id, m.command_id);
    if (!uid.empty()) // tells the item from its copies for ever: they keep the note and get another UID
        add_property(item, property::born_uid, uid);
    if (const auto* zone = value_of(f.iana_zone))
        add_property(item, property::iana_zone, *zone);
    if (const auto* url = value_of(f.online_meeting_url))
        add_property(item, property::online_meeting_url, *url);
    if (const auto* note = value_of(f.body_note))
        add_property(item, property::body_note, *note);
    if (f.location_filled)
        add_property(item, property::location_filled, boolean(*f.location_filled));
}

// In the order of the schema, which Exchange insists on: what every item has, then what calendar items have.
void add_item(pugi::xml_node items, const item_fields& f, const marks& m, std::string_view uid)
{
    auto item = add(items, "t:CalendarItem");
    add(item, "t:Subject", f.subject.value_or(std::string{}));
    add_sensitivity(item, f.is_private.value_or(false));
    if (const auto* body = value_of(f.body))
        add_body(item, *body);
    if (f.categories && !f.categories->empty())
        add_categories(item, *f.categories);
    const auto* reminder = value_of(f.reminder_minutes);
    add(item, "t:ReminderIsSet", boolean(reminder != nullptr)); // said either way: the default is a reminder
    if (reminder != nullptr)
        add(item, "t:ReminderMinutesBeforeStart", std::to_string(*reminder));
    add_properties(item, f, m, uid);
    if (!uid.empty())
        add(item, "t:UID", uid);
    if (f.start)
        add_time(item, "t:Start", *f.start);
    if (f.end)
        add_time(item, "t:End", *f.end);
    add(item, "t:IsAllDayEvent", "false");
    add(item, "t:LegacyFreeBusyStatus", legacy_free_busy_status(f.show_as.value_or(protocol::show_as::busy)));
    if (const auto* location = value_of(f.location))
        add(item, "t:Location", *location);
    if (asks_somebody(f)) {
        add(item, "t:IsResponseRequested", "true");
        for (const auto& group : attendee_groups)
            if (has_any(*f.attendees, group))
                add_attendees(item, *f.attendees, group);
    }
    if (f.windows_zone) {
        add_zone(item, "t:StartTimeZone", *f.windows_zone);
        add_zone(item, "t:EndTimeZone", f.windows_end_zone.value_or(*f.windows_zone));
    }
}

} // namespace

std::string write_create(const mailbox_address& mailbox, const item_fields& fields, const marks& m,
                         std::string_view uid, protocol::notify notify)
{
    soap_request request("m:CreateItem", &mailbox);
    auto create = request.operation();
    // A request to send counts against limits and may be refused, also if there is nobody to send to.
    set(create, "SendMeetingInvitations",
        invitations(asks_somebody(fields) ? notify : protocol::notify::none));
    set(add(add(create, "m:SavedItemFolderId"), "t:DistinguishedFolderId"), "Id", "calendar");
    add_item(add(create, "m:Items"), fields, m, uid);
    return request.str();
}

std::string write_remove(const mailbox_address& mailbox, const item_ref& ref, protocol::notify notify)
{
    soap_request request("m:DeleteItem", &mailbox);
    auto remove = request.operation();
    set(remove, "DeleteType", "MoveToDeletedItems");
    set(remove, "SendMeetingCancellations", invitations(notify));
    auto id = add(add(remove, "m:ItemIds"), "t:ItemId");
    set(id, "Id", ref.id);
    if (!ref.change_key.empty())
        set(id, "ChangeKey", ref.change_key);
    return request.str();
}

} // namespace relay::ews
