// Finding an item by its mark, the folders where it may be, and reading it whole.
#include "agent/ews/requests.hpp"
#include "agent/ews/soap_request.hpp"

#include <algorithm>

namespace relay::ews {
namespace {

void add_page(pugi::xml_node parent, const char* element, int size, int offset)
{
    auto page = add(parent, element);
    set(page, "MaxEntriesReturned", std::to_string(size));
    set(page, "Offset", std::to_string(offset));
    set(page, "BasePoint", "Beginning");
}

} // namespace

std::string write_find(const mailbox_address& mailbox, std::string_view event_id,
                       std::span<const find_position> folders)
{
    soap_request request("m:FindItem", &mailbox);
    auto find = request.operation();
    set(find, "Traversal", "Shallow");
    auto shape = add(find, "m:ItemShape");
    add(shape, "t:BaseShape", "IdOnly");
    auto wanted = add(shape, "t:AdditionalProperties");
    // Where other things than calendar items lie, some servers refuse calendar fields
    // (ErrorInvalidPropertyRequest).
    if (std::ranges::all_of(folders, [](const auto& f) { return f.id.empty(); })) {
        add_field_path(wanted, "calendar:UID");
        add_field_path(wanted, "calendar:MeetingRequestWasSent");
        add_field_path(wanted, "calendar:CalendarItemType");
    }
    add_property_path(wanted, property::event_id);
    add_property_path(wanted, property::command_id);
    add_property_path(wanted, property::born_uid);
    // Not a CalendarView: that one allows no restriction.
    add_page(find, "m:IndexedPageItemView", find_page_size, folders.front().offset);
    auto equal = add(add(find, "m:Restriction"), "t:IsEqualTo");
    add_property_path(equal, property::event_id);
    set(add(add(equal, "t:FieldURIOrConstant"), "t:Constant"), "Value", event_id);
    auto parents = add(find, "m:ParentFolderIds");
    for (const auto& folder : folders)
        if (folder.id.empty())
            set(add(parents, "t:DistinguishedFolderId"), "Id",
                folder.folder == item_location::live ? "calendar" : "deleteditems");
        else
            set(add(parents, "t:FolderId"), "Id", folder.id);
    return request.str();
}

std::string write_usual_folders(const mailbox_address& mailbox)
{
    soap_request request("m:GetFolder", &mailbox);
    auto get = request.operation();
    add(add(get, "m:FolderShape"), "t:BaseShape", "IdOnly");
    auto ids = add(get, "m:FolderIds");
    for (const char* folder : {"calendar", "deleteditems"})
        set(add(ids, "t:DistinguishedFolderId"), "Id", folder);
    return request.str();
}

std::string write_find_folders(const mailbox_address& mailbox, int offset)
{
    soap_request request("m:FindFolder", &mailbox);
    auto find = request.operation();
    set(find, "Traversal", "Deep");
    auto shape = add(find, "m:FolderShape");
    add(shape, "t:BaseShape", "IdOnly");
    add_field_path(add(shape, "t:AdditionalProperties"), "folder:ParentFolderId");
    add_page(find, "m:IndexedPageFolderView", folder_page_size, offset);
    set(add(add(find, "m:ParentFolderIds"), "t:DistinguishedFolderId"), "Id", "msgfolderroot");
    return request.str();
}

std::string write_get(const mailbox_address& mailbox, const item_ref& ref)
{
    soap_request request("m:GetItem", &mailbox);
    auto get = request.operation();
    // Named fields only: AllProperties is slow, and trips over items with one broken property.
    auto shape = add(get, "m:ItemShape");
    add(shape, "t:BaseShape", "IdOnly");
    add(shape, "t:IncludeMimeContent", "false");
    add(shape, "t:BodyType", "Best");
    auto wanted = add(shape, "t:AdditionalProperties");
    for (const char* field :
         {"item:Subject", "item:Sensitivity", "item:Body", "item:Categories", "item:ReminderIsSet",
          "item:ReminderMinutesBeforeStart", "calendar:UID", "calendar:Start", "calendar:End",
          "calendar:LegacyFreeBusyStatus", "calendar:Location", "calendar:IsCancelled",
          "calendar:MeetingRequestWasSent", "calendar:CalendarItemType", "calendar:RequiredAttendees",
          "calendar:OptionalAttendees", "calendar:Resources", "calendar:StartTimeZone",
          "calendar:EndTimeZone"})
        add_field_path(wanted, field);
    for (const char* p : property::all)
        add_property_path(wanted, p);
    set(add(add(get, "m:ItemIds"), "t:ItemId"), "Id", ref.id); // without ChangeKey: the item as it is now
    return request.str();
}

std::string write_states(const mailbox_address& mailbox, std::span<const std::string> item_ids)
{
    soap_request request("m:GetItem", &mailbox);
    auto get = request.operation();
    auto shape = add(get, "m:ItemShape");
    add(shape, "t:BaseShape", "IdOnly");
    auto wanted = add(shape, "t:AdditionalProperties");
    for (const char* field : {"calendar:UID", "calendar:Start", "calendar:End", "calendar:IsCancelled",
                              "calendar:CalendarItemType", "calendar:RequiredAttendees",
                              "calendar:OptionalAttendees", "calendar:Resources"})
        add_field_path(wanted, field);
    add_property_path(wanted, property::command_id);
    add_property_path(wanted, property::born_uid);
    auto ids = add(get, "m:ItemIds");
    for (const auto& id : item_ids)
        set(add(ids, "t:ItemId"), "Id", id);
    return request.str();
}

} // namespace relay::ews
