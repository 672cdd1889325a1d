// UpdateItem: one SetItemField or DeleteItemField for each property that changes, marks included.
#include "agent/ews/calendar_item.hpp"
#include "agent/ews/requests.hpp"

namespace relay::ews {
namespace {

const char* updates_sent(protocol::notify n)
{
    switch (n) {
    case protocol::notify::all:
        return "SendToAllAndSaveCopy";
    case protocol::notify::changed:
        return "SendToChangedAndSaveCopy";
    case protocol::notify::none:
        return "SendToNone";
    }
    return "SendToNone";
}

// Collects the changes under t:Updates.
class change_list {
public:
    explicit change_list(pugi::xml_node updates) : updates_(updates) {}

    // The empty t:CalendarItem that takes the one new value.
    pugi::xml_node set_field(const char* field)
    {
        auto change = add(updates_, "t:SetItemField");
        add_field_path(change, field);
        return add(change, "t:CalendarItem");
    }
    void set_text(const char* field, const char* element, std::string_view text)
    {
        add(set_field(field), element, text);
    }
    void delete_field(const char* field) { add_field_path(add(updates_, "t:DeleteItemField"), field); }

    void set_property(const char* name, std::string_view value)
    {
        auto change = add(updates_, "t:SetItemField");
        add_property_path(change, name);
        add_property(add(change, "t:CalendarItem"), name, value);
    }
    void change_property(const char* name, const protocol::change<std::string>& value)
    {
        if (!value)
            return;
        if (*value)
            set_property(name, **value);
        else
            add_property_path(add(updates_, "t:DeleteItemField"), name);
    }

private:
    pugi::xml_node updates_;
};

void add_item_changes(change_list& changes, const item_fields& f)
{
    if (f.subject)
        changes.set_text("item:Subject", "t:Subject", *f.subject);
    if (f.is_private)
        add_sensitivity(changes.set_field("item:Sensitivity"), *f.is_private);
    if (f.body) {
        if (*f.body)
            add_body(changes.set_field("item:Body"), **f.body);
        else
            changes.delete_field("item:Body");
    }
    if (f.categories) {
        if (f.categories->empty())
            changes.delete_field("item:Categories");
        else
            add_categories(changes.set_field("item:Categories"), *f.categories);
    }
    if (f.reminder_minutes) {
        changes.set_text("item:ReminderIsSet", "t:ReminderIsSet", boolean(f.reminder_minutes->has_value()));
        if (*f.reminder_minutes)
            changes.set_text("item:ReminderMinutesBeforeStart", "t:ReminderMinutesBeforeStart",
                             std::to_string(**f.reminder_minutes));
    }
}

// Start, End and both zones go together: Exchange shifts the wall time where only the zone changes, and
// compares a new end with the old start where only the end does.
void add_time_changes(change_list& changes, const item_fields& f)
{
    if (f.start)
        add_time(changes.set_field("calendar:Start"), "t:Start", *f.start);
    if (f.end)
        add_time(changes.set_field("calendar:End"), "t:End", *f.end);
    // Somebody may have made it an all-day item in Outlook: Exchange would round the new times to whole days.
    if (f.start && f.end)
        changes.set_text("calendar:IsAllDayEvent", "t:IsAllDayEvent", boolean(false));
    if (f.windows_zone) {
        add_zone(changes.set_field("calendar:StartTimeZone"), "t:StartTimeZone", *f.windows_zone);
        add_zone(changes.set_field("calendar:EndTimeZone"), "t:EndTimeZone",
                 f.windows_end_zone.value_or(*f.windows_zone));
    }
}

void add_calendar_changes(change_list& changes, const item_fields& f)
{
    if (f.show_as)
        changes.set_text("calendar:LegacyFreeBusyStatus", "t:LegacyFreeBusyStatus",
                         legacy_free_busy_status(*f.show_as));
    if (f.location) {
        if (*f.location)
            changes.set_text("calendar:Location", "t:Location", **f.location);
        else
            changes.delete_field("calendar:Location");
    }
    if (f.attendees)
        for (const auto& group : attendee_groups) {
            if (has_any(*f.attendees, group))
                add_attendees(changes.set_field(group.field), *f.attendees, group);
            else
                changes.delete_field(group.field);
        }
}

} // namespace

std::string write_update(const mailbox_address& mailbox, const item_ref& ref, const item_fields& fields,
                         std::string_view command_id, protocol::notify notify)
{
    soap_request request("m:UpdateItem", &mailbox);
    auto update = request.operation();
    // AutoResolve with the key that the caller has just read: assistants touch a new item within
    // milliseconds, which NeverOverwrite would report at random, while AlwaysOverwrite would trample a change
    // made in Outlook meanwhile.
    set(update, "ConflictResolution", "AutoResolve");
    set(update, "MessageDisposition", "SaveOnly");
    set(update, "SendMeetingInvitationsOrCancellations", updates_sent(notify));
    auto change = add(add(update, "m:ItemChanges"), "t:ItemChange");
    auto id = add(change, "t:ItemId");
    set(id, "Id", ref.id);
    if (!ref.change_key.empty())
        set(id, "ChangeKey", ref.change_key);
    change_list changes(add(change, "t:Updates"));
    // In the same request as the fields, so that what is found later tells which command was applied last.
    if (!command_id.empty())
        changes.set_property(property::command_id, command_id);
    add_item_changes(changes, fields);
    add_time_changes(changes, fields);
    add_calendar_changes(changes, fields);
    changes.change_property(property::iana_zone, fields.iana_zone);
    changes.change_property(property::online_meeting_url, fields.online_meeting_url);
    changes.change_property(property::body_note, fields.body_note);
    if (fields.location_filled)
        changes.set_property(property::location_filled, boolean(*fields.location_filled));
    return request.str();
}

} // namespace relay::ews
