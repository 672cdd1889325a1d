#include "tests/stand_ins/exchange/item_edit.hpp"

#include "common/text/text.hpp"
#include "tests/stand_ins/exchange/property_path.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace relay::exchange_sim {
namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 6> busy_types{"Free", "Tentative",        "Busy",
                                                     "OOF",  "WorkingElsewhere", "NoData"};
constexpr std::array<std::string_view, 4> sensitivities{"Normal", "Personal", "Private", "Confidential"};
constexpr std::array<std::string_view, 3> importances{"Low", "Normal", "High"};
constexpr std::array<std::string_view, 2> body_types{"HTML", "Text"};
constexpr days longest_item{5 * 366};

std::string one_of(std::span<const std::string_view> allowed, std::string_view value, std::string_view what)
{
    value = trim(value);
    if (std::ranges::find(allowed, value) == allowed.end())
        refuse_schema("'" + std::string(value) + "' is no valid " + std::string(what) + ".");
    return std::string(value);
}

bool read_boolean(pugi::xml_node node)
{
    const auto value = parse_boolean(text_of(node));
    if (!value)
        refuse_schema("The element '" + std::string(local_name(node)) + "' is no boolean.");
    return *value;
}

int read_reminder(pugi::xml_node node)
{
    const auto value = parse_integer(text_of(node));
    if (!value)
        refuse_schema("ReminderMinutesBeforeStart is no number.");
    if (*value < 0 || *value > 1'576'800)
        refuse_item("ErrorInvalidValueForProperty", "ReminderMinutesBeforeStart is out of range.");
    return static_cast<int>(*value);
}

item_body read_body(pugi::xml_node node)
{
    return {one_of(body_types, attribute(node, "BodyType"), "BodyType"), std::string(text_of(node))};
}

// The names that attendees are known by; responses of those who are asked already are kept from `before`.
std::vector<attendee> read_attendees(pugi::xml_node list, const std::vector<attendee>& before,
                                     mailbox_store& store)
{
    std::vector<attendee> read;
    for (const auto node : elements(list)) {
        const auto box = child(node, "Mailbox");
        attendee a;
        a.email = child_text(box, "EmailAddress");
        if (a.email.find('@') == a.email.npos)
            refuse_item("ErrorInvalidRecipients", "At least one recipient isn't valid.");
        const auto* known = store.find_mailbox(a.email);
        a.name = known ? std::string_view(known->display_name) : child_text(box, "Name");
        if (a.name.empty())
            a.name = a.email;
        for (const auto& b : before)
            if (ascii_iequals(a.email, b.email))
                a.response = b.response;
        read.push_back(std::move(a));
    }
    return read;
}

std::string read_zone(pugi::xml_node node, const operation_context& context)
{
    const auto id = attribute(node, "Id");
    if (!context.zones.find(id))
        refuse_request("ErrorTimeZone", "An internal server error occurred. The time zone '" +
                                            std::string(id) + "' is not known.");
    return std::string(id);
}

std::vector<std::string> read_strings(pugi::xml_node list)
{
    std::vector<std::string> read;
    for (const auto node : elements(list))
        read.emplace_back(text_of(node));
    return read;
}

// Rounds outwards to the midnights of the zone.
utc_time midnight(utc_time t, const zone_rule& zone, bool up)
{
    const auto local = zone.to_local(t);
    return zone.to_utc(up ? local_time(ceil<days>(local)) : local_time(floor<days>(local)));
}

[[noreturn]] void refuse_property(const char* code, std::string_view name)
{
    refuse_item(code, "The property '" + std::string(name) + "' can not be changed like this.");
}

} // namespace

void item_edit::set(pugi::xml_node property)
{
    const auto name = local_name(property);
    auto& i = item_;
    if (name == "Subject")
        i.subject = text_of(property);
    else if (name == "Sensitivity")
        i.sensitivity = one_of(sensitivities, text_of(property), "Sensitivity");
    else if (name == "Importance")
        i.importance = one_of(importances, text_of(property), "Importance");
    else if (name == "Body")
        i.body = read_body(property);
    else if (name == "Categories")
        i.categories = read_strings(property);
    else if (name == "ReminderIsSet")
        i.reminder_set = read_boolean(property);
    else if (name == "ReminderMinutesBeforeStart")
        i.reminder_minutes = read_reminder(property);
    else if (name == "ExtendedProperty")
        set_extended(property);
    else if (name == "UID")
        i.uid = text_of(property);
    else if (name == "Start")
        start_ = read_time(text_of(property));
    else if (name == "End")
        end_ = read_time(text_of(property));
    else if (name == "IsAllDayEvent")
        i.all_day = read_boolean(property);
    else if (name == "LegacyFreeBusyStatus")
        i.busy = one_of(busy_types, text_of(property), "LegacyFreeBusyStatus");
    else if (name == "Location")
        i.location = text_of(property);
    else if (name == "IsResponseRequested")
        i.response_requested = read_boolean(property);
    else if (name == "RequiredAttendees")
        i.required = read_attendees(property, i.required, context_.store);
    else if (name == "OptionalAttendees")
        i.optional = read_attendees(property, i.optional, context_.store);
    else if (name == "Resources")
        i.resources = read_attendees(property, i.resources, context_.store);
    else if (name == "StartTimeZone")
        i.start_time_zone = read_zone(property, context_);
    else if (name == "EndTimeZone")
        i.end_time_zone = read_zone(property, context_);
    else if (name == "AllowNewTimeProposal")
        i.allow_new_time_proposal = read_boolean(property);
    else if (name == "MeetingWorkspaceUrl")
        i.meeting_workspace_url = text_of(property);
    else if (name == "NetShowUrl")
        i.net_show_url = text_of(property);
    else if (name != "ItemClass" && name != "ConferenceType" && name != "IsOnlineMeeting" &&
             name != "Culture")
        refuse_property("ErrorInvalidPropertySet", name);
}

void item_edit::set_extended(pugi::xml_node property)
{
    const auto path = read_path_in(property, context_.store);
    const auto list = child(property, "Values");
    auto values =
        list ? read_strings(list) : std::vector<std::string>{std::string(text_of(child(property, "Value")))};
    for (auto& known : item_.properties)
        if (known.key == path.extended) {
            known.values = std::move(values);
            return;
        }
    item_.properties.push_back({path.extended, path.extended_name, std::move(values)});
}

void item_edit::apply(pugi::xml_node change)
{
    const auto name = local_name(change);
    if (name == "SetItemField")
        set_field(change);
    else if (name == "AppendToItemField")
        append_field(change);
    else
        delete_field(change);
}

namespace {

// The one property in the item of a change; it must be the one that the path names.
pugi::xml_node value_in(pugi::xml_node change, const property_path& path, mailbox_store& store)
{
    const auto holder = child(change, "CalendarItem");
    if (!holder)
        refuse_item("ErrorObjectTypeChanged", "The object type changed: only calendar items are kept here.");
    if (count_elements(holder) != 1)
        refuse_item("ErrorIncorrectUpdatePropertyCount",
                    "An object within a change description must contain one and only "
                    "one property to modify.");
    const auto property = first_element(holder);
    const bool same = path.extended ? local_name(property) == "ExtendedProperty" &&
                                          read_path_in(property, store).extended == path.extended
                                    : path.field.substr(path.field.find(':') + 1) == local_name(property);
    if (!same)
        refuse_item("ErrorUpdatePropertyMismatch",
                    "The property in the change and the path of the change differ.");
    return property;
}

} // namespace

void item_edit::set_field(pugi::xml_node change)
{
    set(value_in(change, read_path_in(change, context_.store), context_.store));
}

void item_edit::append_field(pugi::xml_node change)
{
    const auto path = read_path_in(change, context_.store);
    const auto property = value_in(change, path, context_.store);
    const auto append_attendees = [&](std::vector<attendee>& list) {
        auto more = read_attendees(property, list, context_.store);
        list.insert(list.end(), more.begin(), more.end());
    };
    if (path.field == "item:Body")
        item_.body.content += text_of(property);
    else if (path.field == "calendar:RequiredAttendees")
        append_attendees(item_.required);
    else if (path.field == "calendar:OptionalAttendees")
        append_attendees(item_.optional);
    else if (path.field == "calendar:Resources")
        append_attendees(item_.resources);
    else
        refuse_property("ErrorInvalidPropertyAppend", path.field);
}

void item_edit::delete_field(pugi::xml_node change)
{
    const auto path = read_path_in(change, context_.store);
    auto& i = item_;
    if (path.extended)
        std::erase_if(i.properties, [&](const extended_property& p) { return p.key == path.extended; });
    else if (path.field == "item:Subject")
        i.subject.clear();
    else if (path.field == "item:Body")
        i.body = {"Text", ""};
    else if (path.field == "item:Categories")
        i.categories.clear();
    else if (path.field == "item:ReminderMinutesBeforeStart")
        i.reminder_minutes = 0;
    else if (path.field == "calendar:Location")
        i.location.clear();
    else if (path.field == "calendar:RequiredAttendees")
        i.required.clear();
    else if (path.field == "calendar:OptionalAttendees")
        i.optional.clear();
    else if (path.field == "calendar:Resources")
        i.resources.clear();
    else if (path.field == "calendar:MeetingWorkspaceUrl")
        i.meeting_workspace_url.clear();
    else if (path.field == "calendar:NetShowUrl")
        i.net_show_url.clear();
    else
        refuse_property("ErrorInvalidPropertyDelete", path.field);
}

void item_edit::finish()
{
    auto& i = item_;
    // The user's own zone may be in no table.
    const auto* start_zone = context_.zones.find(i.start_time_zone);
    if (!start_zone)
        start_zone = &context_.context_zone();
    const auto* end_zone = context_.zones.find(i.end_time_zone);
    if (!end_zone)
        end_zone = start_zone;
    if (start_)
        i.start = start_->in(*start_zone);
    else if (i.start == utc_time{})
        i.start = ceil<minutes>(context_.now) + minutes(30); // as Outlook proposes: soon
    if (end_)
        i.end = end_->in(*end_zone);
    else if (i.end == utc_time{})
        i.end = i.start + minutes(30);
    if (i.end < i.start)
        refuse_item("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate.");
    if (i.end - i.start > longest_item)
        refuse_item("ErrorCalendarDurationIsTooLong", "The calendar item lasts longer than five years.");
    if (i.all_day) {
        i.start = midnight(i.start, *start_zone, false);
        i.end = midnight(i.end, *end_zone, true);
        if (i.end == i.start)
            i.end += days(1);
    }
}

} // namespace relay::exchange_sim
