#include "tests/stand_ins/exchange/item_shape.hpp"

#include "common/text/text.hpp"
#include "common/time/rfc3339.hpp"
#include "tests/stand_ins/exchange/refusal.hpp"
#include "tests/stand_ins/exchange/xml.hpp"

#include <algorithm>
#include <array>

namespace relay::exchange_sim {
namespace {

using std::chrono::minutes;

enum : unsigned { in_default = 1, in_all = 2, get_only = 4 };

struct writing {
    std::string& out;
    const calendar_item& item;
    std::string_view body_type;
    answered_by asker;
};

struct field {
    std::string_view uri;
    unsigned flags;
    void (*put)(const writing&);
};

void put_text(const writing& w, std::string_view name, std::string_view text)
{
    put(w.out, name, w.asker == answered_by::find_item ? cut_for_find(text) : text);
}

void put_time(const writing& w, std::string_view name, utc_time t)
{
    put(w.out, name, format_rfc3339(std::chrono::floor<std::chrono::seconds>(t)));
}

std::string without_tags(std::string_view html)
{
    std::string text;
    bool in_tag = false;
    for (std::size_t i = 0; i < html.size(); ++i) {
        if (html[i] == '<') {
            const auto tag = ascii_lower(html.substr(i, 4));
            if (tag.starts_with("<br") || tag.starts_with("</p") || tag.starts_with("</di"))
                text += "\r\n";
            in_tag = true;
        } else if (html[i] == '>' && in_tag) {
            in_tag = false;
        } else if (!in_tag) {
            text += html[i];
        }
    }
    constexpr std::pair<std::string_view, std::string_view> entities[] = {
        {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&nbsp;", " "}, {"&amp;", "&"}};
    for (const auto& [entity, character] : entities)
        for (auto at = text.find(entity); at != text.npos; at = text.find(entity, at + character.size()))
            text.replace(at, entity.size(), character);
    return text;
}

// Exchange stores HTML as whole documents: a fragment comes back with a document around it.
std::string as_document(std::string_view html)
{
    if (ascii_lower(html.substr(0, 512)).find("<html") != std::string::npos)
        return std::string(html);
    std::string out =
        "<html>\r\n<head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\r\n"
        "</head>\r\n<body>\r\n";
    return out.append(html).append("\r\n</body>\r\n</html>\r\n");
}

std::string as_html(std::string_view text)
{
    std::string body = "<div>";
    escape_to(body, text);
    return as_document(body + "</div>");
}

void put_body_as(const writing& w, std::string_view element, std::string_view wanted)
{
    const auto& body = w.item.body;
    const auto type = wanted == "Best" ? std::string_view(body.type) : wanted;
    std::string content = body.content;
    if (type == "Text" && body.type == "HTML")
        content = without_tags(content);
    else if (type == "HTML" && !content.empty())
        content = body.type == "HTML" ? as_document(content) : as_html(content);
    w.out.append("<t:").append(element);
    put_attribute(w.out, "BodyType", type);
    w.out.append(">");
    escape_to(w.out, content);
    w.out.append("</t:").append(element).append(">");
}

void put_attendees(const writing& w, std::string_view name, const std::vector<attendee>& list)
{
    if (list.empty())
        return;
    w.out.append("<t:").append(name).append(">");
    for (const auto& a : list) {
        w.out.append("<t:Attendee>");
        put_mailbox_element(w.out, a.name, a.email);
        put(w.out, "ResponseType", std::string_view(a.response));
        w.out.append("</t:Attendee>");
    }
    w.out.append("</t:").append(name).append(">");
}

void put_zone(const writing& w, std::string_view element, const std::string& id)
{
    w.out.append("<t:").append(element);
    put_attribute(w.out, "Id", id.empty() ? "UTC" : id);
    put_attribute(w.out, "Name", id.empty() ? "UTC" : id);
    w.out.append("/>");
}

std::string display_names(const std::vector<attendee>& list)
{
    std::string text;
    for (const auto& a : list)
        text.append(text.empty() ? "" : "; ").append(a.name);
    return text;
}

std::string duration_text(milliseconds length)
{
    return "PT" + std::to_string(std::chrono::duration_cast<minutes>(length).count()) + "M";
}

void put_rights(const writing& w)
{
    w.out.append("<t:EffectiveRights><t:CreateAssociated>false</t:CreateAssociated><t:CreateContents>false"
                 "</t:CreateContents><t:CreateHierarchy>false</t:CreateHierarchy><t:Delete>true</t:Delete>"
                 "<t:Modify>true</t:Modify><t:Read>true</t:Read></t:EffectiveRights>");
}

std::string_view type_of(const calendar_item& item)
{
    constexpr std::array<std::string_view, 3> types{"Single", "Occurrence",
                                                    "Exception"}; // as the enumeration
    return item.repeats ? "RecurringMaster" : types.at(static_cast<std::size_t>(item.kind));
}

void put_categories(const writing& w)
{
    if (w.item.categories.empty())
        return;
    w.out.append("<t:Categories>");
    for (const auto& c : w.item.categories)
        put(w.out, "String", std::string_view(c));
    w.out.append("</t:Categories>");
}

// In the order of the schema (ItemType, then CalendarItemType). Extended properties come where extended_place
// says.
const field fields[] = {
    {"item:ParentFolderId", in_all,
     [](const writing& w) { put_folder_id(w.out, *w.item.owner, w.item.folder, "ParentFolderId"); }},
    {"item:ItemClass", in_all,
     [](const writing& w) { put(w.out, "ItemClass", std::string_view("IPM.Appointment")); }},
    {"item:Subject", in_default | in_all, [](const writing& w) { put_text(w, "Subject", w.item.subject); }},
    {"item:Sensitivity", in_all,
     [](const writing& w) { put(w.out, "Sensitivity", std::string_view(w.item.sensitivity)); }},
    {"item:Body", in_default | in_all | get_only,
     [](const writing& w) { put_body_as(w, "Body", w.body_type); }},
    {"item:DateTimeReceived", in_all,
     [](const writing& w) { put_time(w, "DateTimeReceived", w.item.created); }},
    {"item:Size", in_all,
     [](const writing& w) {
         put(w.out, "Size", static_cast<std::int64_t>(1024 + w.item.body.content.size()));
     }},
    {"item:Categories", in_all, put_categories},
    {"item:Importance", in_all,
     [](const writing& w) { put(w.out, "Importance", std::string_view(w.item.importance)); }},
    {"item:IsDraft", in_all, [](const writing& w) { put(w.out, "IsDraft", false); }},
    {"item:DateTimeSent", in_all, [](const writing& w) { put_time(w, "DateTimeSent", w.item.created); }},
    {"item:DateTimeCreated", in_all,
     [](const writing& w) { put_time(w, "DateTimeCreated", w.item.created); }},
    {"item:ReminderDueBy", in_all, [](const writing& w) { put_time(w, "ReminderDueBy", w.item.start); }},
    {"item:ReminderIsSet", in_all,
     [](const writing& w) { put(w.out, "ReminderIsSet", w.item.reminder_set); }},
    {"item:ReminderMinutesBeforeStart", in_all,
     [](const writing& w) {
         put(w.out, "ReminderMinutesBeforeStart", std::int64_t{w.item.reminder_minutes});
     }},
    {"item:DisplayCc", in_all,
     [](const writing& w) { put_text(w, "DisplayCc", display_names(w.item.optional)); }},
    {"item:DisplayTo", in_all,
     [](const writing& w) { put_text(w, "DisplayTo", display_names(w.item.required)); }},
    {"item:HasAttachments", in_default | in_all,
     [](const writing& w) { put(w.out, "HasAttachments", false); }},
    {"item:EffectiveRights", in_all, put_rights},
    {"item:LastModifiedName", in_all,
     [](const writing& w) { put_text(w, "LastModifiedName", w.item.owner->display_name); }},
    {"item:LastModifiedTime", in_all,
     [](const writing& w) { put_time(w, "LastModifiedTime", w.item.modified); }},
    {"item:TextBody", get_only, [](const writing& w) { put_body_as(w, "TextBody", "Text"); }},
    {"calendar:UID", in_default | in_all, [](const writing& w) { put_text(w, "UID", w.item.uid); }},
    {"calendar:DateTimeStamp", in_all,
     [](const writing& w) { put_time(w, "DateTimeStamp", w.item.modified); }},
    {"calendar:Start", in_default | in_all, [](const writing& w) { put_time(w, "Start", w.item.start); }},
    {"calendar:End", in_default | in_all, [](const writing& w) { put_time(w, "End", w.item.end); }},
    {"calendar:IsAllDayEvent", in_all, [](const writing& w) { put(w.out, "IsAllDayEvent", w.item.all_day); }},
    {"calendar:LegacyFreeBusyStatus", in_default | in_all,
     [](const writing& w) { put(w.out, "LegacyFreeBusyStatus", std::string_view(w.item.busy)); }},
    {"calendar:Location", in_default | in_all,
     [](const writing& w) {
         if (!w.item.location.empty())
             put_text(w, "Location", w.item.location);
     }},
    {"calendar:IsMeeting", in_all, [](const writing& w) { put(w.out, "IsMeeting", w.item.is_meeting()); }},
    {"calendar:IsCancelled", in_all, [](const writing& w) { put(w.out, "IsCancelled", w.item.cancelled); }},
    {"calendar:IsRecurring", in_all,
     [](const writing& w) { put(w.out, "IsRecurring", w.item.kind != item_kind::single); }},
    {"calendar:MeetingRequestWasSent", in_all,
     [](const writing& w) { put(w.out, "MeetingRequestWasSent", w.item.invited); }},
    {"calendar:IsResponseRequested", in_all,
     [](const writing& w) { put(w.out, "IsResponseRequested", w.item.response_requested); }},
    {"calendar:CalendarItemType", in_default | in_all,
     [](const writing& w) { put(w.out, "CalendarItemType", type_of(w.item)); }},
    {"calendar:MyResponseType", in_all,
     [](const writing& w) {
         put(w.out, "MyResponseType", std::string_view(w.item.is_meeting() ? "Organizer" : "Unknown"));
     }},
    {"calendar:Organizer", in_default | in_all,
     [](const writing& w) {
         w.out.append("<t:Organizer>");
         put_mailbox_element(w.out, w.item.owner->display_name, w.item.owner->email);
         w.out.append("</t:Organizer>");
     }},
    {"calendar:RequiredAttendees", in_default | in_all | get_only,
     [](const writing& w) { put_attendees(w, "RequiredAttendees", w.item.required); }},
    {"calendar:OptionalAttendees", in_default | in_all | get_only,
     [](const writing& w) { put_attendees(w, "OptionalAttendees", w.item.optional); }},
    {"calendar:Resources", in_default | in_all | get_only,
     [](const writing& w) { put_attendees(w, "Resources", w.item.resources); }},
    {"calendar:Duration", in_all,
     [](const writing& w) {
         put(w.out, "Duration", std::string_view(duration_text(w.item.end - w.item.start)));
     }},
    {"calendar:TimeZone", in_all,
     [](const writing& w) {
         put_text(w, "TimeZone", w.item.start_time_zone.empty() ? "UTC" : w.item.start_time_zone);
     }},
    {"calendar:AppointmentSequenceNumber", in_all,
     [](const writing& w) { put(w.out, "AppointmentSequenceNumber", std::int64_t{w.item.sequence}); }},
    {"calendar:AppointmentState", in_all,
     [](const writing& w) {
         put(w.out, "AppointmentState",
             std::int64_t{(w.item.is_meeting() ? 1 : 0) | (w.item.cancelled ? 4 : 0)});
     }},
    {"calendar:StartTimeZone", in_all,
     [](const writing& w) { put_zone(w, "StartTimeZone", w.item.start_time_zone); }},
    {"calendar:EndTimeZone", in_all,
     [](const writing& w) { put_zone(w, "EndTimeZone", w.item.end_time_zone); }},
    {"calendar:AllowNewTimeProposal", in_all,
     [](const writing& w) { put(w.out, "AllowNewTimeProposal", w.item.allow_new_time_proposal); }},
    {"calendar:MeetingWorkspaceUrl", in_all,
     [](const writing& w) {
         if (!w.item.meeting_workspace_url.empty())
             put_text(w, "MeetingWorkspaceUrl", w.item.meeting_workspace_url);
     }},
    {"calendar:NetShowUrl", in_all,
     [](const writing& w) {
         if (!w.item.net_show_url.empty())
             put_text(w, "NetShowUrl", w.item.net_show_url);
     }},
};
static_assert(std::size(fields) <= 64);

std::size_t place_of(std::string_view uri)
{
    const auto found = std::ranges::find(fields, uri, &field::uri);
    return static_cast<std::size_t>(found - std::begin(fields));
}

void put_extended(const writing& w, const property_path& path, const habits& h)
{
    const auto values = values_of(w.item, path);
    if (values.empty())
        return;
    if (h.properties_twice)
        w.out.append("<t:ExtendedProperty>").append(path.element).append("<t:Value/></t:ExtendedProperty>");
    const bool array = path.element.find("Array\"") != std::string::npos;
    w.out.append("<t:ExtendedProperty>").append(path.element).append(array ? "<t:Values>" : "");
    for (const auto& v : values)
        put_text(w, "Value", v);
    w.out.append(array ? "</t:Values>" : "").append("</t:ExtendedProperty>");
}

// As an add-in leaves them on items.
constexpr std::string_view strange_property =
    "<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId=\"11111111-2222-3333-4444-555555555555\" "
    "PropertyName=\"WorkestraCommandId\" PropertyType=\"String\"/><t:Value>somebody else's</t:Value>"
    "</t:ExtendedProperty>";

std::string_view element_of(item_class is)
{
    constexpr std::array<std::string_view, 3> elements{"CalendarItem", "MeetingRequest",
                                                       "MeetingCancellation"}; // as the enumeration
    return elements.at(static_cast<std::size_t>(is));
}

} // namespace

item_shape::item_shape(pugi::xml_node shape, mailbox_store& store, answered_by asker, habits h)
    : asker_(asker),
      habits_(h)
{
    const auto base = child_text(shape, "BaseShape");
    if (base != "IdOnly" && base != "Default" && base != "AllProperties")
        refuse_schema("BaseShape has an unknown value.");
    const unsigned wanted = base == "Default" ? in_default : base == "AllProperties" ? in_all : 0u;
    for (std::size_t i = 0; i < std::size(fields); ++i)
        fields_[i] = (fields[i].flags & wanted) != 0;
    for (const auto node : elements(child(shape, "AdditionalProperties"))) {
        auto path = read_path(node, store);
        if (path.extended)
            extended_.push_back(std::move(path));
        else if (const auto place = place_of(path.field); place < std::size(fields))
            fields_[place] = true;
    }
    if (h.more_than_asked)
        fields_.set();
    else if (asker == answered_by::find_item)
        for (std::size_t i = 0; i < std::size(fields); ++i)
            if (fields[i].flags & get_only)
                fields_[i] = false;
    if (const auto type = child_text(shape, "BodyType"); !type.empty()) {
        if (type != "Best" && type != "HTML" && type != "Text")
            refuse_schema("BodyType has an unknown value.");
        body_type_ = type;
    }
}

void item_shape::put_item(std::string& out, const calendar_item& item) const
{
    static const auto extended_place = place_of("item:EffectiveRights");
    const writing w{out, item, body_type_, asker_};
    const auto element = element_of(item.is);
    out.append("<t:").append(element).append(">");
    put_item_id(out, item);
    for (std::size_t i = 0; i < std::size(fields); ++i) {
        if (i == extended_place) {
            for (const auto& path : extended_)
                put_extended(w, path, habits_);
            if (habits_.more_than_asked)
                out.append(strange_property);
        }
        if (fields_[i] && (item.is == item_class::appointment || fields[i].uri.starts_with("item:")))
            fields[i].put(w);
    }
    out.append("</t:").append(element).append(">");
}

void put_item_id(std::string& out, const calendar_item& item)
{
    out.append("<t:ItemId");
    put_attribute(out, "Id", item.id);
    put_attribute(out, "ChangeKey", item.change_key);
    out.append("/>");
}

std::string folder_id(const mailbox& owner, folder_kind folder)
{
    std::string blob("\x00\x00\x00\x2e\x01", 5);
    for (int i = 3; i >= 0; --i)
        blob += static_cast<char>(owner.number >> (8 * i) & 0xff);
    blob += static_cast<char>(folder);
    blob.append(38, '\0');
    return to_base64(blob);
}

void put_folder_id(std::string& out, const mailbox& owner, folder_kind folder, std::string_view element)
{
    out.append("<t:").append(element);
    put_attribute(out, "Id", folder_id(owner, folder));
    put_attribute(out, "ChangeKey", "AgAAABYAAAAB");
    out.append("/>");
}

void put_mailbox_element(std::string& out, std::string_view name, std::string_view email,
                         std::string_view type)
{
    out.append("<t:Mailbox>");
    put(out, "Name", name.empty() ? email : name);
    put(out, "EmailAddress", email);
    put(out, "RoutingType", std::string_view("SMTP"));
    put(out, "MailboxType", type);
    out.append("</t:Mailbox>");
}

} // namespace relay::exchange_sim
